// One data section, `.data`, written by a program. Linux 5.5.
#include "bpf.h"

__u32 counter = 7;
__u64 wide = 0x1122334455667788;
__u32 untouched = 0xdeadbeef;

SEC("socket")
int increment(struct __sk_buff *skb)
{
	counter += 1;
	wide -= 1;
	return counter;
}

char _license[] SEC("license") = "GPL";
