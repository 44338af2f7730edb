// What libbpf wants of the machine; the part of the kernel's source that is fetched has it for x86 only.
#include <asm/ptrace.h>

typedef user_pt_regs bpf_user_pt_regs_t;
