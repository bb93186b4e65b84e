/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv.conf: an own reader, since resolvers differ in what they take (security.md 3.3). */
#include "resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLANKS " \t\r"

/* ---- text ---- */

/* The value of line when it is `key value`; NULL else. *len is without blanks at the end. */
static const char *value_of(const char *line, size_t line_len, const char *key, size_t *len)
{
	size_t skip = strlen(key);

	if (line_len <= skip || strncmp(line, key, skip) != 0 || strchr(BLANKS, line[skip]) == NULL)
		return NULL;
	while (skip < line_len && strchr(BLANKS, line[skip]) != NULL)
		skip++;
	while (line_len > skip && strchr(BLANKS, line[line_len - 1]) != NULL)
		line_len--;
	*len = line_len - skip;
	return *len > 0 ? line + skip : NULL;
}

static void add_server(struct resolv_conf *conf, const char *value, size_t len)
{
	char text[NTM_IP_STR];
	struct ntm_addr addr = {.port = 53};

	len = strcspn(value, BLANKS "\n") < len ? strcspn(value, BLANKS "\n") : len;
	if (conf->servers.count == RESOLV_SERVERS || len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	if (ntm_ip_parse(&addr.ip, text) == 0)
		conf->servers.item[conf->servers.count++] = addr;
}

static void read_line(struct resolv_conf *conf, const char *line, size_t line_len)
{
	size_t len, have = strlen(conf->options);
	const char *value = value_of(line, line_len, "nameserver", &len);

	if (value != NULL) {
		add_server(conf, value, len);
		return;
	}
	value = value_of(line, line_len, "search", &len);
	if (value == NULL)
		value = value_of(line, line_len, "domain", &len);
	if (value != NULL && len < sizeof(conf->search)) {
		memcpy(conf->search, value, len);
		conf->search[len] = '\0';
	}
	value = value_of(line, line_len, "options", &len);
	if (value != NULL && have + len + 2 <= sizeof(conf->options))
		snprintf(conf->options + have, sizeof(conf->options) - have, "%s%.*s",
			 have > 0 ? " " : "", (int)len, value);
}

void resolv_conf_parse(struct resolv_conf *conf, const char *text)
{
	memset(conf, 0, sizeof(*conf));
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		/* A comment begins in the first column only. */
		if (*text != '#' && *text != ';')
			read_line(conf, text, len);
		text += len + (text[len] == '\n');
	}
}

size_t resolv_conf_print(const struct resolv_conf *conf, const struct ntm_ip *server,
			 const char *mark, char *out, size_t cap)
{
	char ip[NTM_IP_STR];
	bool search = conf->search[0] != '\0', options = conf->options[0] != '\0';
	int len = snprintf(out, cap, "# %s\nnameserver %s\n%s%s%s%s%s%s", mark,
			   ntm_ip_str(server, ip), search ? "search " : "", conf->search,
			   search ? "\n" : "", options ? "options " : "", conf->options,
			   options ? "\n" : "");

	return len > 0 && (size_t)len < cap ? (size_t)len : 0;
}

bool resolv_conf_has_mark(const char *text, const char *mark)
{
	size_t len = strlen(mark);

	return strncmp(text, "# ", 2) == 0 && strncmp(text + 2, mark, len) == 0 &&
	       text[2 + len] == '\n';
}

/* ---- file ---- */

int resolv_conf_read(const char *path, char **text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *buf;
	size_t len = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -errno;
	buf = malloc(RESOLV_CONF_MAX + 1);
	while (buf != NULL && got > 0 && len <= RESOLV_CONF_MAX) {
		got = read(fd, buf + len, RESOLV_CONF_MAX + 1 - len);
		len += got > 0 ? (size_t)got : 0;
	}
	int err = buf == NULL ? -ENOMEM : got < 0 ? -errno : len > RESOLV_CONF_MAX ? -EFBIG : 0;
	close(fd);
	if (err != 0) {
		free(buf);
		return err;
	}
	buf[len] = '\0';
	*text = buf;
	return 0;
}

static int write_fd(int fd, const char *text)
{
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	int err = write(fd, text, len) == (ssize_t)len ? 0 : errno != 0 ? -errno : -ENOSPC;
	if (fsync(fd) != 0 && err == 0 && errno != EINVAL)
		err = -errno;
	if (close(fd) != 0 && err == 0)
		err = -errno;
	return err;
}

/* Next to the file, with its mode, and renamed over it. */
static int replace(const char *path, const char *text)
{
	char temp[PATH_MAX];
	struct stat st;
	mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.ntm-XXXXXX", path) >= sizeof(temp))
		return -ENAMETOOLONG;
	int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fchmod(fd, mode) == 0 ? 0 : -errno;
	int written = write_fd(fd, text);
	if (err == 0)
		err = written;
	if (err == 0 && rename(temp, path) != 0)
		err = -errno;
	if (err != 0)
		(void)unlink(temp);
	return err;
}

int resolv_conf_write(const char *path, const char *text)
{
	char real[PATH_MAX];
	int err;

	/* Through links, so that the link itself stays; a missing file is made. */
	if (realpath(path, real) == NULL) {
		if (errno != ENOENT || strlen(path) >= sizeof(real))
			return -errno;
		strcpy(real, path);
	}
	err = replace(real, text);
	if (err != -EBUSY && err != -EXDEV && err != -EACCES && err != -EROFS && err != -EPERM)
		return err;
	errno = 0;
	return write_fd(open(real, O_WRONLY | O_TRUNC | O_CLOEXEC), text);
}
