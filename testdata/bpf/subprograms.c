// Calls: static and global functions, shared ones, chains, and one into a program of another section. Linux 5.10 (the body of a
// function with a map reference beside calls; global functions are 5.6).
#include "bpf.h"

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

const volatile __u32 addend = 5;
__u32 last;

// Static: called through the section's symbol.
static __noinline int twice(int value)
{
	return value * 2;
}

// Static, uses a map, shared by two programs and a function.
static __noinline int counted(__u32 slot)
{
	__u64 *value = bpf_map_lookup_elem(&calls, &slot);

	if (!value)
		return -1;
	atomic_add(value, 1);
	return 0;
}

// Static, uses data sections.
static __noinline int offset_by(int value)
{
	last = value;
	return value + addend;
}

// Global: verified on its own, called through its own symbol.
__noinline int global_square(int value)
{
	return value * value;
}

// Global, and calls others.
__noinline int global_chain(int value)
{
	counted(1);
	return twice(global_square(value)) + 1;
}

// Hidden: verified as if it were static.
__hidden __noinline int hidden_negate(int value)
{
	return -value;
}

__weak __noinline int weak_identity(int value)
{
	return value;
}

// A program, and at the same time a function of the programs below.
SEC("cgroup_skb/egress")
__noinline int program_in_other_section(struct __sk_buff *skb)
{
	return skb->len > 20;
}

// 2 * len
SEC("socket")
int call_static(struct __sk_buff *skb)
{
	counted(0);
	return twice(skb->len);
}

// (len + 5) ^ 2
SEC("socket")
int call_global(struct __sk_buff *skb)
{
	return global_square(offset_by(skb->len));
}

// 2 * len ^ 2 + 1
SEC("socket")
int call_chain(struct __sk_buff *skb)
{
	return global_chain(skb->len);
}

// len, by two ways
SEC("socket")
int call_hidden(struct __sk_buff *skb)
{
	return -hidden_negate(weak_identity(skb->len));
}

SEC("socket")
int call_program(struct __sk_buff *skb)
{
	return program_in_other_section(skb);
}

// No call: the code of the others stays out.
SEC("socket")
int call_nothing(struct __sk_buff *skb)
{
	return 3;
}

char _license[] SEC("license") = "GPL";
