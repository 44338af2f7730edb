// What libbpf wants of the machine; the part of the kernel's source that is fetched has it for x86 only.
#define __BITS_PER_LONG 64
#include <asm-generic/bitsperlong.h>
