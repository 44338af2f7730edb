// One half of a linked object; the other is `second`. Each needs the other, and both bring static names, weak definitions and externs
// of the kernel under the same names. Linux 5.13 (callbacks).
#include "types.h"

// Defined here, declared there.
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct point);
} shared SEC(".maps");

// Declared here, defined there.
extern struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} theirs IN(".maps");

// Weak in both.
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
} either SEC(".maps") __weak;

// A definition of this object alone, before and after which the other has some.
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} mine SEC(".maps");

int from_first = 11;
const volatile int constant_from_first = 12;
extern int from_second;
extern const volatile int constant_from_second;
int weak_here __weak = 13;
int weak_in_both __weak = 14;
__hidden int hidden_here = 15;
extern struct point origin;

// Of the same name in both.
static volatile int counter = 16;
static volatile int zero_counter;

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern const int no_such_symbol __ksym __weak;
extern const void no_such_address __ksym __weak;

extern int add_in_second(int one, int two);
__hidden extern int hidden_in_second(struct point *point);

static __noinline int helper(int value)
{
	counter += value;
	return counter + 1;
}

__noinline int square(int value)
{
	return value * value + helper(value);
}

// Loses to the other object's.
__weak __noinline int weak_here_only(int value)
{
	return value + from_first;
}

// The first of two weak ones wins.
__weak __noinline int weak_twice(int value)
{
	return helper(value) + 100;
}

static long each(void *map, const void *key, void *value, int *sum)
{
	*sum += *(int *)value;
	return 0;
}

SEC("socket")
int first_program(struct __sk_buff *context)
{
	struct point point = { .x = 1, .y = from_second + constant_from_second };
	__u32 key = 0;
	__u64 *value;
	int sum = 0;

	zero_counter++;
	value = bpf_map_lookup_elem(&theirs, &key);
	if (value)
		*value += LINUX_KERNEL_VERSION + CONFIG_NO_SUCH_OPTION;
	bpf_map_update_elem(&shared, &key, &point, UPDATE_ANY);
	bpf_map_lookup_elem(&either, &key);
	bpf_for_each_map_elem(&mine, each, &sum, 0);
	if (&no_such_symbol)
		sum++;
	if (&no_such_address)
		sum++;
	sum += add_in_second(helper(1), square(2)) + hidden_in_second(&point);
	sum += weak_here_only(weak_here) + weak_twice(weak_in_both);
	return sum + constant_from_first + hidden_here + origin.x;
}

SEC("xdp")
int only_in_first(struct xdp_md *context)
{
	return square(from_first) > 0 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
