// One map of each type that can be made from a definition alone, with the less common keys. Which kernel has which type differs: from
// 4.18 to 6.9 (arena). There is no program.
#include "bpf.h"

struct prefix {
	__u32 length;
	__u8 address[4];
};

struct value {
	__u64 of[2];
};

#define MAP(name, kind, key_type, value_type, entries)                                                                                    \
	struct {                                                                                                                          \
		__uint(type, kind);                                                                                                       \
		__uint(max_entries, entries);                                                                                             \
		__type(key, key_type);                                                                                                    \
		__type(value, value_type);                                                                                                \
	} name SEC(".maps")

#define SIZED(name, kind, key, value, entries)                                                                                            \
	struct {                                                                                                                          \
		__uint(type, kind);                                                                                                       \
		__uint(key_size, key);                                                                                                    \
		__uint(value_size, value);                                                                                                \
		__uint(max_entries, entries);                                                                                             \
	} name SEC(".maps")

MAP(lru_hash, MAP_LRU_HASH, __u32, struct value, 64);
MAP(lru_percpu_hash, MAP_LRU_PERCPU_HASH, __u32, struct value, 64);
SIZED(stack_trace, MAP_STACK_TRACE, 4, 127 * 8, 16);
SIZED(cgroup_array, MAP_CGROUP_ARRAY, 4, 4, 2);
SIZED(devmap, MAP_DEVMAP, 4, 4, 2);
SIZED(devmap_hash, MAP_DEVMAP_HASH, 4, 8, 2);
SIZED(cpumap, MAP_CPUMAP, 4, 4, 2);
SIZED(xskmap, MAP_XSKMAP, 4, 4, 2);
SIZED(sockmap, MAP_SOCKMAP, 4, 8, 2);
SIZED(sockhash, MAP_SOCKHASH, 8, 8, 2);
SIZED(queue, MAP_QUEUE, 0, 8, 4);
SIZED(stack, MAP_STACK, 0, 8, 4);
// Without a number of entries: one for each CPU.
SIZED(perf_events, MAP_PERF_EVENT_ARRAY, 4, 4, 0);

struct {
	__uint(type, MAP_LPM_TRIE);
	__uint(max_entries, 32);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(map_flags, MAP_NO_PREALLOC);
} lpm_trie SEC(".maps");

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct value);
	__uint(map_flags, MAP_MMAPABLE);
} mapped_array SEC(".maps");

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 4);
	__type(key, char[6]);
	__type(value, enum map_type);
	__uint(map_flags, MAP_NUMA_NODE);
	__uint(numa_node, 0);
} on_node SEC(".maps");

struct {
	__uint(type, MAP_SK_STORAGE);
	__type(key, int);
	__type(value, __u64);
	__uint(map_flags, MAP_NO_PREALLOC);
} sk_storage SEC(".maps");

struct {
	__uint(type, MAP_BLOOM_FILTER);
	__uint(max_entries, 100);
	__type(value, __u32);
	__uint(map_extra, 3);
} bloom_filter SEC(".maps");

struct {
	__uint(type, MAP_USER_RINGBUF);
	__uint(max_entries, 4096);
} user_ring SEC(".maps");

struct {
	__uint(type, MAP_ARENA);
	__uint(max_entries, 4);
	__uint(map_flags, MAP_MMAPABLE);
	__ulong(map_extra, 0x100000000000);
} arena SEC(".maps");

char _license[] SEC("license") = "GPL";
