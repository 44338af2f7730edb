// Constants without a name: string literals in `.rodata.str1.1`, and a table whose address matters to
// nobody in `.rodata.cst16`. Linux 5.5.
#include "bpf.h"

static __noinline __u32 at(const char *text, __u32 index)
{
	return text[index & 3];
}

SEC("socket")
int read_strings(struct __sk_buff *skb)
{
	return at("left", skb->len) + at("right", skb->len);
}

// One of 11, 22, 33, 44 by the length.
SEC("socket")
int read_quad(struct __sk_buff *skb)
{
	static const __u32 quad[4] = {11, 22, 33, 44};

	return quad[skb->len & 3];
}

char _license[] SEC("license") = "GPL";
