/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the files of a corpus through a fuzz target, as an ordinary test without libFuzzer. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED 77 /* ctest's SKIP_RETURN_CODE */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a block of just its size, so that a sanitizer sees every read past the end. */
static int replay_file(FILE *file)
{
	uint8_t *data;
	long size;
	int rc = -1;

	if (fseek(file, 0, SEEK_END) < 0)
		return -1;
	size = ftell(file);
	if (size < 0 || fseek(file, 0, SEEK_SET) < 0)
		return -1;
	data = malloc(size > 0 ? (size_t)size : 1);
	if (data && fread(data, 1, (size_t)size, file) == (size_t)size) {
		LLVMFuzzerTestOneInput(data, (size_t)size);
		rc = 0;
	}
	free(data);
	return rc;
}

static int replay(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return -1;
	file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	/* Said before, so that the last line names the file when the target aborts. */
	fprintf(stderr, "%s\n", path);
	rc = replay_file(file);
	if (rc < 0)
		fprintf(stderr, "%s: cannot be read\n", path);
	fclose(file);
	return rc;
}

int main(int argc, char **argv)
{
	const struct dirent *entry;
	int count = 0, failed = 0;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	dir = opendir(argv[1]);
	if (!dir) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return errno == ENOENT ? SKIPPED : 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		failed += replay(argv[1], entry->d_name) < 0;
	}
	closedir(dir);
	printf("%d inputs, %d unreadable\n", count, failed);
	if (failed > 0)
		return 1;
	return count > 0 ? 0 : SKIPPED;
}
