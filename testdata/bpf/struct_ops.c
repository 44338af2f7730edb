// Operations of the kernel that a program implements: a TCP congestion control as a map to update, as a map to link, and one that is
// left out unless asked for. Linux 5.6; `.struct_ops.link` is 6.4.
//
// The loader finds each member by its name in the kernel's own type, so only the members that are set are here.
#include "bpf.h"

struct sock;
struct rate_sample;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	char name[16];
} __core;

// The same kernel type under another name.
struct tcp_congestion_ops___short {
	__u32 (*ssthresh)(struct sock *sk);
	char name[16];
} __core;

__u64 calls;

SEC("struct_ops/ssthresh")
__u32 ssthresh(__u64 *context)
{
	atomic_add(&calls, 1);
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(__u64 *context)
{
	atomic_add(&calls, 1);
}

SEC("struct_ops/undo_cwnd")
__u32 undo_cwnd(__u64 *context)
{
	atomic_add(&calls, 1);
	return 10;
}

SEC(".struct_ops")
struct tcp_congestion_ops constant_window = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
	.name = "fixture",
};

SEC(".struct_ops.link")
struct tcp_congestion_ops linked_window = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
	.name = "fixture_link",
};

SEC("?.struct_ops")
struct tcp_congestion_ops___short optional_window = {
	.ssthresh = (void *)ssthresh,
	.name = "fixture_short",
};

char _license[] SEC("license") = "GPL";
