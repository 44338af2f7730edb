// Ring buffer producers. One test run of `produce` writes `count` records of one size, one of `produce_sizes` records of growing size,
// one of `discard` as many reserved and given back. Linux 5.8.
#include "bpf.h"

struct record {
	__u64 sequence;
	__u32 cpu;
	__u32 check; // the low half of the sequence, inverted
};

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 64 * 1024);
} records SEC(".maps");

// A second ring, to consume two at once.
struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 4096);
} small SEC(".maps");

// Records per run, at most 1024.
const volatile __u32 count = 1;
// Flags of each submit: 1 no wake-up, 2 forced wake-up.
const volatile __u64 submit_flags;

__u64 sequence;
__u64 dropped;

static __always_inline void fill(struct record *record)
{
	__u64 next = sequence++;

	record->sequence = next;
	record->cpu = bpf_get_smp_processor_id();
	record->check = ~(__u32)next;
}

SEC("socket")
int produce(struct __sk_buff *skb)
{
	for (__u32 i = 0; i < 1024; i++) {
		struct record *record;

		if (i >= count)
			break;
		record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
		if (!record) {
			atomic_add(&dropped, 1);
			continue;
		}
		fill(record);
		bpf_ringbuf_submit(record, submit_flags);
	}
	return 0;
}

// Sixteen records of 1, 2, ... 16 bytes; the first byte is the length, the rest is zero.
SEC("socket")
int produce_sizes(struct __sk_buff *skb)
{
	for (__u32 size = 1; size <= 16; size++) {
		__u8 bytes[16] = {};

		bytes[0] = size;
		if (bpf_ringbuf_output(&records, bytes, size, submit_flags))
			atomic_add(&dropped, 1);
	}
	return 0;
}

SEC("socket")
int discard(struct __sk_buff *skb)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record)
		return 1;
	fill(record);
	bpf_ringbuf_discard(record, submit_flags);
	return 0;
}

SEC("socket")
int produce_small(struct __sk_buff *skb)
{
	struct record *record = bpf_ringbuf_reserve(&small, sizeof(*record), 0);

	if (!record) {
		atomic_add(&dropped, 1);
		return 1;
	}
	fill(record);
	bpf_ringbuf_submit(record, submit_flags);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
