// Package launch is the host's half of a start: it spawns the process that executes
// lists of system calls (packages image and program), sends it lists, and serves what
// they ask for, until the process has become another program or has failed.
//
// It knows processes, pipes and lists, and no container and no lock. What comes from
// the other end is checked as if an attacker had written it: after a process has
// entered a container, one may have.
package launch
