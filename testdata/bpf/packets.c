// Counts the packets that a packet socket receives, by protocol and port, and sends one event for each. Linux 5.8.
//
// Meant for loopback, where each packet passes a packet socket twice: once on its way out, which is left out here, and once in.
// The program accepts no packet, so nothing queues up in the socket.
#include "bpf.h"

#define PACKET_OUTGOING 4
#define FROM_NETWORK_HEADER 1

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

// A flow: protocol number and destination port. The port is 0 for protocols without ports.
struct flow {
	__u8 protocol;
	__u8 ip_version;
	__be16 port; // in network byte order, as in the packet
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct event {
	__u64 time_ns; // CLOCK_MONOTONIC
	__u32 length;
	struct flow flow;
};

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, struct traffic);
} flows SEC(".maps");

// Packets by protocol number.
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

// All traffic, by CPU.
struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} total SEC(".maps");

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

// Events that found the ring full.
__u64 lost;

// Set before load to leave out other interfaces.
const volatile __u32 only_ifindex;

static __always_inline int read(struct __sk_buff *skb, __u32 offset, void *to, __u32 length)
{
	return bpf_skb_load_bytes_relative(skb, offset, to, length, FROM_NETWORK_HEADER) == 0;
}

// Fills in the flow of a packet; answers whether it is an IP packet.
static __always_inline int classify(struct __sk_buff *skb, struct flow *flow)
{
	__u8 first;
	__u32 transport;

	if (!read(skb, 0, &first, sizeof(first)))
		return 0;
	flow->ip_version = first >> 4;
	if (flow->ip_version == 4) {
		if (!read(skb, 9, &flow->protocol, sizeof(flow->protocol)))
			return 0;
		transport = (first & 15) * 4;
	} else if (flow->ip_version == 6) {
		if (!read(skb, 6, &flow->protocol, sizeof(flow->protocol)))
			return 0;
		transport = 40;
	} else {
		return 0;
	}
	if (flow->protocol == IPPROTO_TCP || flow->protocol == IPPROTO_UDP)
		read(skb, transport + 2, &flow->port, sizeof(flow->port));
	return 1;
}

static __always_inline void add(struct traffic *traffic, __u32 length)
{
	atomic_add(&traffic->packets, 1);
	atomic_add(&traffic->bytes, length);
}

SEC("socket")
int count_packets(struct __sk_buff *skb)
{
	struct flow flow = {};
	struct traffic *traffic;
	struct event *event;
	__u32 protocol, zero = 0;
	__u32 length = skb->len;
	__u64 *packets;

	if (skb->pkt_type == PACKET_OUTGOING)
		return 0;
	if (only_ifindex && skb->ifindex != only_ifindex)
		return 0;
	if (!classify(skb, &flow))
		return 0;

	traffic = bpf_map_lookup_elem(&flows, &flow);
	if (!traffic) {
		struct traffic none = {};

		bpf_map_update_elem(&flows, &flow, &none, UPDATE_NOEXIST);
		traffic = bpf_map_lookup_elem(&flows, &flow);
	}
	if (traffic)
		add(traffic, length);

	protocol = flow.protocol;
	packets = bpf_map_lookup_elem(&protocols, &protocol);
	if (packets)
		atomic_add(packets, 1);

	traffic = bpf_map_lookup_elem(&total, &zero);
	if (traffic) {
		// Nobody else writes this CPU's value.
		traffic->packets += 1;
		traffic->bytes += length;
	}

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		atomic_add(&lost, 1);
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->length = length;
	event->flow = flow;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
