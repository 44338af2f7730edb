// One data section, `.rodata`: what a caller sets before load steers the program. Linux 5.5.
#include "bpf.h"

const volatile __u32 enabled = 1;
const volatile __u32 answer = 42;

SEC("socket")
int read_constants(struct __sk_buff *skb)
{
	if (!enabled)
		return 0;
	return answer;
}

char _license[] SEC("license") = "GPL";
