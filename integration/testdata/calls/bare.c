/* Ends with status 42, and makes no other system call: it has no C library. */
void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(231), "D"(42));
#elif defined(__aarch64__)
	register long nr __asm__("x8") = 94;
	register long status __asm__("x0") = 42;

	__asm__ volatile("svc 0" : : "r"(nr), "r"(status));
#endif
	__builtin_unreachable();
}
