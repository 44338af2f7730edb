// Externs: values of the kernel's configuration, kernel symbols with and without a type, kernel functions. Linux 5.8: what older
// kernels do not have is weak. `read_typed` is not loaded by default: kernels whose BTF has the variable but not
// CONFIG_KALLSYMS_ALL refuse it.
#include "bpf.h"

enum libbpf_tristate {
	TRI_NO = 0,
	TRI_YES = 1,
	TRI_MODULE = 2,
};

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig;
extern _Bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_TUN __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig __weak;
extern char CONFIG_MODULES __kconfig __weak;
extern unsigned long long CONFIG_NO_SUCH_OPTION __kconfig __weak;

// Without a type: the address, of a function here.
extern const void bpf_fentry_test1 __ksym;
extern const void no_such_symbol __ksym __weak;
// With a type, and so by the kernel's BTF.
extern const int no_such_variable __ksym __weak;
extern const int bpf_prog_active __ksym __weak;

// Functions of the kernel: one that no kernel has, two that came with Linux 6.2.
extern int no_such_kfunc(int value) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

__u32 version;
__u64 hz;
__u32 has_bpf;
__u32 tun;
char hostname[16];
__u64 missing;
__u64 address;
__u64 no_address;
__u64 percpu_address;
__u32 called;

SEC("raw_tp/sys_enter")
int read_config(void *context)
{
	version = LINUX_KERNEL_VERSION;
	hz = CONFIG_HZ;
	has_bpf = CONFIG_BPF_SYSCALL;
	tun = CONFIG_TUN;
	for (int i = 0; i < 16; i++)
		hostname[i] = CONFIG_DEFAULT_HOSTNAME[i];
	missing = CONFIG_NO_SUCH_OPTION + CONFIG_MODULES;
	return 0;
}

SEC("raw_tp/sys_enter")
int read_symbols(void *context)
{
	address = (__u64)&bpf_fentry_test1;
	no_address = (__u64)&no_such_symbol;
	return 0;
}

SEC("raw_tp/sys_enter")
int read_missing(void *context)
{
	if (&no_such_variable)
		missing = no_such_variable;
	return 0;
}

SEC("?raw_tp/sys_enter")
int read_typed(void *context)
{
	percpu_address = (__u64)&bpf_prog_active;
	return 0;
}

SEC("tc")
int call_missing(struct __sk_buff *skb)
{
	if (&no_such_kfunc)
		called = no_such_kfunc(skb->len);
	return 0;
}

// Sets `called` to 2 on kernels that have the functions.
SEC("tc")
int call_kernel(struct __sk_buff *skb)
{
	called = 1;
	if (bpf_rcu_read_lock) {
		bpf_rcu_read_lock();
		called = 2;
		bpf_rcu_read_unlock();
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
