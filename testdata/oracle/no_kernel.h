// A kernel that is not there, for libbpf.

// Shows the BTF files of a folder as those of the kernel and its modules; without one, those of the machine's own kernel.
void no_kernel_shows(const char *folder);
