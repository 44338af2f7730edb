// A kernel that is not there: it stands between libbpf and the system, so that what libbpf makes of an object depends on the object and
// on the types it is given, and on nothing that this machine's kernel has, lacks or forbids.
//
// The linker puts these functions in the way (`--wrap`). Maps and programs are files in memory, every feature is there, and the kernel's
// BTF, with that of its modules, comes from a folder that looks like /sys/kernel/btf.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "no_kernel.h"

#define SHOWN "/sys/kernel/btf"
// As large as the largest map that libbpf maps into memory, an arena. It is a hole: nothing is kept.
#define MAP_BYTES (1LL << 32)
// More than libbpf ever has open.
#define DESCRIPTORS 65536

long __real_syscall(long number, ...);
int __real_open64(const char *path, int flags, ...);
FILE *__real_fopen64(const char *path, const char *mode);
int __real_faccessat(int at, const char *path, int mode, int flags);

static const char *folder = SHOWN;
// The BTF objects of the kernel: the file at a place has the id that is the place plus 1.
static struct dirent **types;
static int type_count;
// The id of the BTF object behind a descriptor; a descriptor is no longer that once it was given out for something else.
static unsigned int id_of[DESCRIPTORS];

static int is_type(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void no_kernel_shows(const char *path)
{
	folder = path ? path : SHOWN;
	while (type_count > 0)
		free(types[--type_count]);
	free(types);
	types = NULL;
	type_count = scandir(folder, &types, is_type, alphasort);
	if (type_count < 0)
		type_count = 0;
}

static const char *redirected(const char *path, char *room)
{
	size_t shown = strlen(SHOWN);

	if (strncmp(path, SHOWN "/", shown + 1))
		return path;
	snprintf(room, PATH_MAX, "%s%s", folder, path + shown);
	return room;
}

int __wrap_open64(const char *path, int flags, ...)
{
	char room[PATH_MAX];
	va_list arguments;
	int mode;

	va_start(arguments, flags);
	mode = va_arg(arguments, int);
	va_end(arguments);
	return __real_open64(redirected(path, room), flags, mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	char room[PATH_MAX];

	return __real_fopen64(redirected(path, room), mode);
}

int __wrap_faccessat(int at, const char *path, int mode, int flags)
{
	char room[PATH_MAX];

	return __real_faccessat(at, redirected(path, room), mode, flags);
}

static long fail(int error)
{
	errno = error;
	return -1;
}

static long given(int fd, unsigned int id)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		id_of[fd] = id;
	return fd;
}

static long new_object(void)
{
	int fd = memfd_create("object", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, MAP_BYTES))
		return -1;
	return given(fd, 0);
}

static long open_type(unsigned int id)
{
	char path[PATH_MAX];

	if (id < 1 || id > (unsigned int)type_count)
		return fail(ENOENT);
	snprintf(path, sizeof(path), "%s/%s", folder, types[id - 1]->d_name);
	return given(__real_open64(path, O_RDONLY | O_CLOEXEC), id);
}

// Name and bytes of a BTF object. Of anything else nothing is told, which is no error.
static long describe(union bpf_attr *attr)
{
	struct bpf_btf_info *info = (struct bpf_btf_info *)(unsigned long)attr->info.info;
	unsigned int fd = attr->info.bpf_fd;
	struct stat file;

	if (fd >= DESCRIPTORS || !id_of[fd])
		return 0;
	if (fstat(fd, &file))
		return -1;
	if (info->name && info->name_len)
		snprintf((char *)(unsigned long)info->name, info->name_len, "%s", types[id_of[fd] - 1]->d_name);
	if (info->btf && pread(fd, (void *)(unsigned long)info->btf, info->btf_size, 0) < 0)
		return -1;
	info->btf_size = file.st_size;
	info->id = id_of[fd];
	info->kernel_btf = 1;
	return 0;
}

static long answer(int command, union bpf_attr *attr)
{
	switch (command) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
		return new_object();
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_PROG_BIND_MAP:
		return 0;
	case BPF_BTF_GET_NEXT_ID:
		if (attr->start_id >= (unsigned int)type_count)
			return fail(ENOENT);
		attr->next_id = attr->start_id + 1;
		return 0;
	case BPF_BTF_GET_FD_BY_ID:
		return open_type(attr->btf_id);
	case BPF_OBJ_GET_INFO_BY_FD:
		return describe(attr);
	default:
		return fail(EINVAL);
	}
}

// Newer libbpf says with this bit that further arguments follow.
#define COMMON_ATTRS (1 << 16)

long __wrap_syscall(long number, ...)
{
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf)
		return answer((int)arguments[0] & ~COMMON_ATTRS, (union bpf_attr *)arguments[1]);
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
