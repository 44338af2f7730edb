// Relocations against the running kernel's types (CO-RE): fields, bit fields, types and enumerators, present and absent. Linux 5.8.
//
// The structures below are only what is asked about; the loader finds the rest in the kernel's BTF.
#include "bpf.h"

struct list_head {
	struct list_head *next, *prev;
} __core;

struct mm_struct {
	int map_count;
} __core;

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct list_head children;
	char comm[16];
	// In the middle of its 8 bytes, so that the shifts are the same in both byte orders.
	__u64 : 31;
	__u64 sched_reset_on_fork : 2;
} __core;

// An older shape of the same type: the name ends at the three underscores.
struct task_struct___old {
	int pid_that_never_was;
} __core;

// No kernel has this type.
struct no_such_struct {
	int field;
} __core;

enum pid_type {
	PIDTYPE_PID = 100,
	PIDTYPE_TGID = 101,
};

enum pid_type___unknown {
	PIDTYPE_NO_SUCH = 7,
};

__u32 saw_pid;
__u32 saw_tgid;
__u32 saw_parent;
__u64 offset_of_tgid;
__u64 size_of_comm;
__u32 bit_field_size;
__u32 bit_field_offset;
__u32 bit_field_left;
__u32 bit_field_right;
__u32 bit_field_signed;
__u32 exists_pid;
__u32 exists_never;
__u64 size_of_task;
__u32 type_exists;
__u32 type_missing;
__u32 type_matches;
__u32 id_local;
__u32 id_target;
__u64 enumerator;
__u32 enumerator_exists;
__u32 enumerator_missing;
char saw_comm[16];

// What the builtins ask, by number.
#define FIELD_BYTE_OFFSET 0
#define FIELD_BYTE_SIZE 1
#define FIELD_EXISTS 2
#define FIELD_SIGNED 3
#define FIELD_LEFT_SHIFT 4
#define FIELD_RIGHT_SHIFT 5
#define TYPE_EXISTS 0
#define TYPE_SIZE 1
#define TYPE_MATCHES 2
#define ENUMERATOR_EXISTS 0
#define ENUMERATOR_VALUE 1
#define ID_LOCAL 0
#define ID_TARGET 1

#define field(type, member, what) __builtin_preserve_field_info(((type *)0)->member, what)
#define type(of, what) __builtin_preserve_type_info(*(of *)0, what)
#define enumerator(of, value, what) __builtin_preserve_enum_value(*(of *)value, what)
#define type_id(of, what) __builtin_btf_type_id(*(of *)0, what)
#define read(to, from) bpf_probe_read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(from))

SEC("raw_tp/sys_enter")
int read_task(void *context)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *parent = 0;

	read(saw_pid, &task->pid);
	read(saw_tgid, &task->tgid);
	read(parent, &task->real_parent);
	read(saw_parent, &parent->tgid);
	read(saw_comm, &task->comm);
	return 0;
}

SEC("raw_tp/sys_enter")
int ask_about_fields(void *context)
{
	offset_of_tgid = field(struct task_struct, tgid, FIELD_BYTE_OFFSET);
	size_of_comm = field(struct task_struct, comm, FIELD_BYTE_SIZE);
	exists_pid = field(struct task_struct, pid, FIELD_EXISTS);
	exists_never = field(struct task_struct___old, pid_that_never_was, FIELD_EXISTS);
	return 0;
}

// What it takes to read a bit field: load `size` bytes at the offset, shift left, shift right.
SEC("raw_tp/sys_enter")
int ask_about_bit_field(void *context)
{
	bit_field_offset = field(struct task_struct, sched_reset_on_fork, FIELD_BYTE_OFFSET);
	bit_field_size = field(struct task_struct, sched_reset_on_fork, FIELD_BYTE_SIZE);
	bit_field_left = field(struct task_struct, sched_reset_on_fork, FIELD_LEFT_SHIFT);
	bit_field_right = field(struct task_struct, sched_reset_on_fork, FIELD_RIGHT_SHIFT);
	bit_field_signed = field(struct task_struct, sched_reset_on_fork, FIELD_SIGNED);
	return 0;
}

SEC("raw_tp/sys_enter")
int ask_about_types(void *context)
{
	size_of_task = type(struct task_struct, TYPE_SIZE);
	type_exists = type(struct task_struct, TYPE_EXISTS);
	type_missing = type(struct no_such_struct, TYPE_EXISTS);
	type_matches = type(struct list_head, TYPE_MATCHES);
	id_local = type_id(struct task_struct, ID_LOCAL);
	id_target = type_id(struct task_struct, ID_TARGET);
	return 0;
}

SEC("raw_tp/sys_enter")
int ask_about_enumerators(void *context)
{
	enumerator = enumerator(enum pid_type, PIDTYPE_TGID, ENUMERATOR_VALUE);
	enumerator_exists = enumerator(enum pid_type, PIDTYPE_TGID, ENUMERATOR_EXISTS);
	enumerator_missing = enumerator(enum pid_type___unknown, PIDTYPE_NO_SUCH, ENUMERATOR_EXISTS);
	return 0;
}

// A guarded access to a field that no kernel has: loads, because the guard is false everywhere.
SEC("raw_tp/sys_enter")
int guarded(void *context)
{
	struct task_struct___old *task = (void *)bpf_get_current_task();
	__u32 never = 0;

	if (field(struct task_struct___old, pid_that_never_was, FIELD_EXISTS))
		read(never, &task->pid_that_never_was);
	return never;
}

// The same without the guard: fails to load, with the name of what is missing. Not loaded by default.
SEC("?raw_tp/sys_enter")
int unguarded(void *context)
{
	struct task_struct___old *task = (void *)bpf_get_current_task();
	__u32 never = 0;

	read(never, &task->pid_that_never_was);
	return never;
}

// Direct access through a typed argument.
SEC("tp_btf/task_newtask")
int direct(__u64 *context)
{
	struct task_struct *task = (void *)context[0];

	saw_pid = task->pid;
	saw_tgid = task->group_leader->tgid;
	return 0;
}

char _license[] SEC("license") = "GPL";
