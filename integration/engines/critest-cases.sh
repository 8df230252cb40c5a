# Sourced by critest.sh: groups of critest's tests, and what is left out of them.

# What is left out, as parts of the tests' names.
left_out=(
	# They pull images from a registry.
	'Image Manager' 'image'
	# They want nginx, httpd and a program with the set-user-ID bit, in images of a registry.
	'NamespaceOption runtime should support (HostPID|PodPID|ContainerPID)' 'NoNewPrivs' 'Multiple Containers'
	'portforward in host network'
	# The shell of Debian's busybox runs ls without executing the file, which is what the test masks.
	'MaskedPaths'
	# containerd 1.6 says that there is no such container or pod.
	'Idempotence Stop(Container|PodSandbox) should not return an error if not found'
)

# critest_of EXPRESSION runs the tests with names that it fits; at least one must run.
critest_of() {
	local socket=unix:///run/containerd/containerd.sock
	printf 'defaultTestContainerImage: localhost/busybox:1\nwebServerTestImage: localhost/web:1\n' >"$work/images.yaml"
	TMPDIR=$work timeout -k 5 400 "$critest" -runtime-endpoint "$socket" -image-endpoint "$socket" -test-images-file "$work/images.yaml" \
		-ginkgo.no-color -ginkgo.focus "$1" -ginkgo.skip "$(IFS='|'; echo "${left_out[*]}")" || return
	echo
}

case_cri_info() { critest_of 'Runtime info'; }
case_cri_pods() { critest_of 'PodSandbox'; }
case_cri_containers() { critest_of 'Container '; }
case_cri_idempotence() { critest_of 'Idempotence'; }
case_cri_networking() { critest_of 'Networking'; }
case_cri_streaming() { critest_of 'Streaming'; }
case_cri_security_context() { critest_of 'Security Context'; }
