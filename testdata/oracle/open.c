// What libbpf's API tells of BPF objects that were opened and not loaded: programs, maps, and the places of variables.
//
// Each line of standard input names an object. The answer begins with one of
//
//     object  PATH  opened   KERNEL_VERSION
//     object  PATH  refused  REASON          (libbpf's warnings)
//
// and goes on, for an opened one, with a line for each program, map (followed by the pattern of the maps in it) and variable that other
// files may see. Fields are separated by tabs. Nothing gets to the kernel, and no privilege is needed.
//
// A line that begins with a tab names a section instead, and the answer is `section  NAME  TYPE  ATTACH_TYPE` or `section  NAME  unknown`.
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

// All that was said about one object.
static char warnings[4096];

static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t used = strlen(warnings);

	if (level == LIBBPF_WARN)
		vsnprintf(warnings + used, sizeof(warnings) - used, format, arguments);
	return 0;
}

static void print_refused(const char *path)
{
	printf("object\t%s\trefused\t", path);
	for (const char *letter = warnings; *letter; letter++)
		putchar(*letter == '\t' || *letter == '\n' ? ' ' : *letter);
	putchar('\n');
}

static void print_program(const struct bpf_program *program)
{
	printf("program\t%s\t%s\ttype %u\tattach %u\tflags %u\tautoload %d\tslots %zu\n",
	       bpf_program__name(program), bpf_program__section_name(program),
	       (unsigned)bpf_program__type(program), (unsigned)bpf_program__expected_attach_type(program),
	       bpf_program__flags(program), bpf_program__autoload(program),
	       bpf_program__insn_cnt(program));
}

// Takes the addresses of programs out of a value of struct_ops: libbpf puts them where the object has a relocation.
static void clear_programs(const struct bpf_object *object, unsigned char *bytes, size_t size)
{
	struct bpf_program *program;

	for (size_t at = 0; at + sizeof(program) <= size; at += sizeof(program))
		bpf_object__for_each_program(program, object)
			if (!memcmp(bytes + at, &program, sizeof(program)))
				memset(bytes + at, 0, sizeof(program));
}

// The bytes that a map begins with: how many, and a number that other bytes would not give (FNV-1a; 0 for nothing but zeros).
static void print_value(const struct bpf_object *object, const struct bpf_map *map)
{
	size_t size = 0;
	unsigned char *bytes = bpf_map__initial_value(map, &size);
	uint64_t digest = 0xcbf29ce484222325;
	bool zeros = true;

	if (!bytes) {
		printf("\tvalue none\n");
		return;
	}
	if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
		clear_programs(object, bytes, size);
	for (size_t i = 0; i < size; i++) {
		digest = (digest ^ bytes[i]) * 0x100000001b3;
		zeros = zeros && !bytes[i];
	}
	printf("\tvalue %zu %llx\n", size, zeros ? 0 : (unsigned long long)digest);
}

static void print_map(const struct bpf_object *object, const char *kind, struct bpf_map *map)
{
	printf("%s\t%s\ttype %u\tkey %u\tvalue %u\tentries %u\tflags %u\tnode %u\textra %llu\ttypes %u %u",
	       kind, bpf_map__name(map), (unsigned)bpf_map__type(map), bpf_map__key_size(map),
	       bpf_map__value_size(map), bpf_map__max_entries(map), bpf_map__map_flags(map),
	       bpf_map__numa_node(map), (unsigned long long)bpf_map__map_extra(map),
	       bpf_map__btf_key_type_id(map), bpf_map__btf_value_type_id(map));
	if (!strcmp(kind, "map"))
		printf("\tautocreate %d\tpinned %d", bpf_map__autocreate(map),
		       bpf_map__pin_path(map) != NULL);
	print_value(object, map);
	if (bpf_map__inner_map(map))
		print_map(object, "inner", bpf_map__inner_map(map));
}

static void print_variables(const struct btf *btf)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *section = btf__type_by_id(btf, id);
		const struct btf_var_secinfo *place;
		const char *name;

		if (!btf_is_datasec(section))
			continue;
		name = btf__name_by_offset(btf, section->name_off);
		// Maps and struct_ops are told as maps; symbols of the kernel have no place; the licence and the version are no variables.
		if (name[0] != '.' || !strcmp(name, ".maps") || !strcmp(name, ".ksyms") ||
		    strstr(name, "struct_ops"))
			continue;
		place = btf_var_secinfos(section);
		for (uint32_t i = 0; i < btf_vlen(section); i++, place++) {
			const struct btf_type *variable = btf__type_by_id(btf, place->type);

			if (!btf_is_var(variable) || btf_var(variable)->linkage != BTF_VAR_GLOBAL_ALLOCATED)
				continue;
			printf("variable\t%s\tsection %s\toffset %u\tsize %u\ttype %u\n",
			       btf__name_by_offset(btf, variable->name_off), name, place->offset,
			       place->size, variable->type);
		}
	}
}

static void print_object(const char *path)
{
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_map *map;

	warnings[0] = '\0';
	object = bpf_object__open_file(path, NULL);
	if (!object)
		return print_refused(path);
	printf("object\t%s\topened\t%u\n", path, bpf_object__kversion(object));
	bpf_object__for_each_program(program, object)
		print_program(program);
	bpf_object__for_each_map(map, object)
		print_map(object, "map", map);
	if (bpf_object__btf(object))
		print_variables(bpf_object__btf(object));
	bpf_object__close(object);
}

static void print_section(const char *name)
{
	enum bpf_attach_type attach_type;
	enum bpf_prog_type type;

	if (libbpf_prog_type_by_name(name, &type, &attach_type))
		printf("section\t%s\tunknown\n", name);
	else
		printf("section\t%s\t%u\t%u\n", name, (unsigned)type, (unsigned)attach_type);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;

	libbpf_set_print(listen);
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\t')
			print_section(line + 1);
		else
			print_object(line);
	}
	free(line);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
