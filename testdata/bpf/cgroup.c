// Programs of the cgroup hooks. Each counts its runs in a variable. Linux 5.8.
#include "bpf.h"

#define AF_INET 2
#define SOCK_DGRAM 2

__u64 runs_ingress;
__u64 runs_egress;
__u64 runs_sock_create;
__u64 runs_sock;
__u64 runs_post_bind;
__u64 runs_bind;
__u64 runs_connect;
__u64 runs_sendmsg;
__u64 runs_sockops;
__u64 runs_sysctl;
__u64 runs_dev;

// Whether packets leave.
__u32 pass_egress = 1;
// Operations that the socket program saw, one bit each.
__u32 sockops_seen;

#define COUNT(variable) atomic_add(&variable, 1)

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	COUNT(runs_ingress);
	return 1;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	COUNT(runs_egress);
	return pass_egress ? 1 : 0;
}

// No direction in the name: the caller chooses it.
SEC("cgroup/skb")
int either(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *sock)
{
	COUNT(runs_sock_create);
	return sock->family != AF_INET || sock->type != SOCK_DGRAM || sock->priority != 7;
}

SEC("cgroup/sock")
int sock(struct bpf_sock *sock)
{
	COUNT(runs_sock);
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *sock)
{
	COUNT(runs_post_bind);
	return 1;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *address)
{
	COUNT(runs_bind);
	return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *address)
{
	COUNT(runs_connect);
	return address->user_family == AF_INET;
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *address)
{
	COUNT(runs_sendmsg);
	return 1;
}

SEC("sockops")
int socket_operation(struct bpf_sock_ops *operation)
{
	COUNT(runs_sockops);
	sockops_seen |= 1U << (operation->op & 31);
	return 1;
}

SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *access)
{
	COUNT(runs_sysctl);
	// Reads only.
	return access->write == 0;
}

SEC("cgroup/dev")
int dev(struct bpf_cgroup_dev_ctx *access)
{
	COUNT(runs_dev);
	return 1;
}

char _license[] SEC("license") = "GPL";
