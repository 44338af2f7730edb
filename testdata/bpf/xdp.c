// XDP programs of every section name. Linux 5.9; those with fragments are 5.18 and not loaded by default.
#include "bpf.h"

struct {
	__uint(type, MAP_DEVMAP);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 8);
} devices SEC(".maps");

__u64 runs;

SEC("xdp")
int pass(struct xdp_md *xdp)
{
	atomic_add(&runs, 1);
	return XDP_PASS;
}

// Drops what is shorter than 20 bytes.
SEC("xdp")
int drop_short(struct xdp_md *xdp)
{
	__u64 data = xdp->data, end = xdp->data_end;

	if (data + 20 > end)
		return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp")
int redirect(struct xdp_md *xdp)
{
	return bpf_redirect_map(&devices, xdp->rx_queue_index, 0);
}

SEC("xdp/devmap")
int devmap(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("xdp/cpumap")
int cpumap(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("?xdp.frags")
int frags(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("?xdp.frags/devmap")
int frags_devmap(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("?xdp.frags/cpumap")
int frags_cpumap(struct xdp_md *xdp)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
