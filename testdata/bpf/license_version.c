// The `license` and `version` sections. Linux 4.18.
#include "bpf.h"

SEC("kprobe")
int nothing(void *context)
{
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
// 6.1.2, as the kernel packs a version.
__u32 _version SEC("version") = 0x060102;
