// Relocations against types that only modules have (CO-RE): fields, sizes and enumerators of tun, veth, wireguard and btrfs, each behind a guard, so that it loads where they are not. Linux 5.8; modules have BTF since 5.11.
//
// The structures below are only what is asked about; the loader finds the rest in the BTF of the modules.
#include "bpf.h"

struct net_device {
	int ifindex;
} __core;

// Module tun.
struct tun_struct {
	unsigned int numqueues;
	unsigned int flags;
	struct net_device *dev;
	int vnet_hdr_sz;
} __core;

struct tun_struct___renamed {
	int queues_that_never_were;
} __core;

// Module veth.
struct veth_priv {
	__u64 requested_headroom;
} __core;

// Module wireguard.
enum noise_handshake_state {
	HANDSHAKE_ZEROED = 100,
	HANDSHAKE_CONSUMED_RESPONSE = 101,
};

struct wg_device {
	struct net_device *dev;
	__u16 incoming_port;
} __core;

// Module btrfs: newer kernels have the type more than once, all alike.
struct btrfs_inode {
	__u64 generation;
} __core;

__u64 tun_offset;
__u64 tun_size;
__u32 tun_exists;
__u32 tun_type;
__u32 tun_never;
__u32 saw_queues;
__u32 saw_index;
__u32 saw_header;
__u64 veth_size;
__u64 handshake;
__u32 handshake_exists;
__u32 port_size;
__u64 inode_offset;

#define FIELD_BYTE_OFFSET 0
#define FIELD_BYTE_SIZE 1
#define FIELD_EXISTS 2
#define TYPE_EXISTS 0
#define TYPE_SIZE 1
#define ENUMERATOR_EXISTS 0
#define ENUMERATOR_VALUE 1

#define field(type, member, what) __builtin_preserve_field_info(((type *)0)->member, what)
#define type(of, what) __builtin_preserve_type_info(*(of *)0, what)
#define enumerator(of, value, what) __builtin_preserve_enum_value(*(of *)value, what)
#define read(to, from) bpf_probe_read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(from))

SEC("raw_tp/sys_enter")
int ask_about_tun(void *context)
{
	tun_type = type(struct tun_struct, TYPE_EXISTS);
	tun_size = type(struct tun_struct, TYPE_SIZE);
	tun_exists = field(struct tun_struct, numqueues, FIELD_EXISTS);
	tun_never = field(struct tun_struct___renamed, queues_that_never_were, FIELD_EXISTS);
	if (field(struct tun_struct, flags, FIELD_EXISTS))
		tun_offset = field(struct tun_struct, flags, FIELD_BYTE_OFFSET);
	return 0;
}

// Types of a module and of the kernel in one access.
SEC("raw_tp/sys_enter")
int read_tun(__u64 *context)
{
	struct tun_struct *tun = (void *)context[0];
	struct net_device *device = 0;

	if (!type(struct tun_struct, TYPE_EXISTS))
		return 0;
	read(saw_queues, &tun->numqueues);
	read(saw_header, &tun->vnet_hdr_sz);
	read(device, &tun->dev);
	read(saw_index, &device->ifindex);
	return 0;
}

SEC("raw_tp/sys_enter")
int ask_about_others(void *context)
{
	veth_size = type(struct veth_priv, TYPE_SIZE);
	handshake_exists = enumerator(enum noise_handshake_state, HANDSHAKE_CONSUMED_RESPONSE, ENUMERATOR_EXISTS);
	if (handshake_exists)
		handshake = enumerator(enum noise_handshake_state, HANDSHAKE_CONSUMED_RESPONSE, ENUMERATOR_VALUE);
	if (field(struct wg_device, incoming_port, FIELD_EXISTS))
		port_size = field(struct wg_device, incoming_port, FIELD_BYTE_SIZE);
	if (field(struct btrfs_inode, generation, FIELD_EXISTS))
		inode_offset = field(struct btrfs_inode, generation, FIELD_BYTE_OFFSET);
	return 0;
}

char _license[] SEC("license") = "GPL";
