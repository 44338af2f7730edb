// What the fixtures need of the BPF side of the kernel's interface, and nothing more.
//
// Numbers and layouts are the kernel's UAPI; declarations are written for these fixtures. There is no include of a system header, so
// that the objects do not depend on the machine that compiles them.
#ifndef TESTDATA_BPF_H
#define TESTDATA_BPF_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;

// Where a definition goes. The loader reads a program's type from the name of its section.
#define SEC(name) __attribute__((section(name), used))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __hidden __attribute__((visibility("hidden")))
#define __weak __attribute__((weak))
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __core __attribute__((preserve_access_index))

// Atomic addition without a result: one instruction that every kernel has. With a stronger order, or a result that is used, clang makes
// the fetching instruction of Linux 5.12.
#define atomic_add(pointer, value) ((void)__atomic_fetch_add(pointer, value, __ATOMIC_RELAXED))

// Keys of a map definition: a number is the length of an array behind a pointer, a type is a pointer's target, 64 bits are an enumerator.
#define __concat_(a, b) a##b
#define __concat(a, b) __concat_(a, b)
#define __uint(key, number) int(*key)[number]
#define __type(key, of) __typeof__(of) *key
#define __array(key, of) __typeof__(of) *key[]
#define __ulong(key, number) enum { __concat(number_of_line_, __LINE__) = number } key

enum map_type {
	MAP_HASH = 1,
	MAP_ARRAY = 2,
	MAP_PROG_ARRAY = 3,
	MAP_PERF_EVENT_ARRAY = 4,
	MAP_PERCPU_HASH = 5,
	MAP_PERCPU_ARRAY = 6,
	MAP_STACK_TRACE = 7,
	MAP_CGROUP_ARRAY = 8,
	MAP_LRU_HASH = 9,
	MAP_LRU_PERCPU_HASH = 10,
	MAP_LPM_TRIE = 11,
	MAP_ARRAY_OF_MAPS = 12,
	MAP_HASH_OF_MAPS = 13,
	MAP_DEVMAP = 14,
	MAP_SOCKMAP = 15,
	MAP_CPUMAP = 16,
	MAP_XSKMAP = 17,
	MAP_SOCKHASH = 18,
	MAP_REUSEPORT_SOCKARRAY = 20,
	MAP_QUEUE = 22,
	MAP_STACK = 23,
	MAP_SK_STORAGE = 24,
	MAP_DEVMAP_HASH = 25,
	MAP_RINGBUF = 27,
	MAP_INODE_STORAGE = 28,
	MAP_TASK_STORAGE = 29,
	MAP_BLOOM_FILTER = 30,
	MAP_USER_RINGBUF = 31,
	MAP_CGRP_STORAGE = 32,
	MAP_ARENA = 33,
};

enum map_flag {
	MAP_NO_PREALLOC = 1,
	MAP_NUMA_NODE = 4,
	MAP_RDONLY = 8,
	MAP_RDONLY_PROG = 128,
	MAP_MMAPABLE = 1024,
	MAP_INNER_MAP = 4096,
};

enum pinning {
	PIN_NONE = 0,
	PIN_BY_NAME = 1,
};

enum update_flag {
	UPDATE_ANY = 0,
	UPDATE_NOEXIST = 1,
	UPDATE_EXIST = 2,
};

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP = 1,
	XDP_PASS = 2,
	XDP_TX = 3,
	XDP_REDIRECT = 4,
};

// Contexts. The verifier rewrites accesses by offset, and knows the context of a global function by the name of its type.
struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
};

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
};

struct bpf_sock_addr {
	__u32 user_family;
	__be32 user_ip4;
	__be32 user_ip6[4];
	__u32 user_port;
	__u32 family;
	__u32 type;
	__u32 protocol;
};

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
};

struct bpf_sysctl {
	__u32 write;
	__u32 file_pos;
};

struct bpf_cgroup_dev_ctx {
	__u32 access_type;
	__u32 major;
	__u32 minor;
};

// Helpers. A call through a constant address is a call of the helper with that number.
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_trace_printk)(const char *format, __u32 size, ...) = (void *)6;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static long (*const bpf_tail_call)(void *context, void *map, __u32 index) = (void *)12;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*const bpf_perf_event_output)(void *context, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*const bpf_skb_load_bytes)(const void *skb, __u32 offset, void *to, __u32 length) = (void *)26;
static __u64 (*const bpf_get_current_task)(void) = (void *)35;
static long (*const bpf_redirect_map)(void *map, __u64 key, __u64 flags) = (void *)51;
static long (*const bpf_skb_load_bytes_relative)(const void *skb, __u32 offset, void *to, __u32 length, __u32 from) = (void *)68;
static long (*const bpf_map_push_elem)(void *map, const void *value, __u64 flags) = (void *)87;
static long (*const bpf_sysctl_get_name)(void *context, char *buffer, __u64 length, __u64 flags) = (void *)101;
static long (*const bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*const bpf_ringbuf_output)(void *ring, void *data, __u64 size, __u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *data, __u64 flags) = (void *)133;
static __u64 (*const bpf_ringbuf_query)(void *ring, __u64 flags) = (void *)134;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *context, __u64 flags) = (void *)164;

#endif
