// Tail calls through a program array that the object fills. Linux 5.5.
#include "bpf.h"

int return_ten(struct __sk_buff *skb);
int return_length(struct __sk_buff *skb);

// Slot 1 stays empty.
struct {
	__uint(type, MAP_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {
	.values = {[0] = (void *)&return_ten, [2] = (void *)&return_length},
};

// Filled by the user only.
struct {
	__uint(type, MAP_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
} empty SEC(".maps");

SEC("socket")
int return_ten(struct __sk_buff *skb)
{
	return 10;
}

SEC("socket")
int return_length(struct __sk_buff *skb)
{
	return skb->len;
}

// Jumps to slot `mark`; returns 1 when the slot is empty.
SEC("socket")
int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, skb->mark);
	return 1;
}

SEC("socket")
int jump_to_nothing(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &empty, 0);
	return 2;
}

char _license[] SEC("license") = "GPL";
