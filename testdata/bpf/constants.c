// Constants without a name: string literals in `.rodata.str1.1`, and an initialiser that the compiler puts in `.rodata.cst16`.
// Linux 5.5.
#include "bpf.h"

struct quad {
	__u32 of[4];
};

static __noinline __u32 at(const char *text, __u32 index)
{
	return text[index & 3];
}

SEC("socket")
int read_strings(struct __sk_buff *skb)
{
	return at("left", skb->len) + at("right", skb->len);
}

SEC("socket")
int read_quad(struct __sk_buff *skb)
{
	struct quad quad = {{11, 22, 33, 44}};

	return *(volatile __u32 *)&quad.of[1] + *(volatile __u32 *)&quad.of[3];
}

char _license[] SEC("license") = "GPL";
