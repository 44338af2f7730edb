// clang: -g0
// Compiled without debug information, so there is no BTF. Maps are of the `maps` section; data sections and calls work. Linux 5.2.
#include "bpf.h"

struct {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
} plain SEC("maps") = {MAP_ARRAY, 4, 4, 1, 0};

__u32 counter;
__u32 start = 1000;
const volatile __u32 step = 2;

static __noinline int next(void)
{
	counter += step;
	return counter + start;
}

SEC("socket")
int advance(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *value = bpf_map_lookup_elem(&plain, &zero);
	int result = next();

	if (value)
		*value = result;
	return result;
}

char _license[] SEC("license") = "GPL";
