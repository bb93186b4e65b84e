/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `init`: writes the configuration when options ask for it, then makes keys and database.
 */
#include "dc_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_list(FILE *out, const char *name, const struct ntm_strings *list)
{
	if (list->count == 0)
		return;
	fprintf(out, "    %s = {", name);
	for (size_t i = 0; i < list->count; i++)
		fprintf(out, "%s \"%s\"", i > 0 ? "," : "", list->item[i]);
	fputs(" }\n", out);
}

static char *conf_text(const struct dc_cli *cli)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fprintf(out, "# ntm-dc.conf(5) has all options.\ndc {\n    domain = \"%s\"\n", cli->domain);
	print_list(out, "addresses", &cli->addresses);
	if (cli->prefix4 != NULL)
		fprintf(out, "    prefix4 = \"%s\"\n", cli->prefix4);
	if (cli->prefix6 != NULL)
		fprintf(out, "    prefix6 = \"%s\"\n", cli->prefix6);
	print_list(out, "sip", &cli->sip);
	if (cli->state_dir != NULL)
		fprintf(out, "    state_dir = \"%s\"\n", cli->state_dir);
	if (cli->run_dir != NULL)
		fprintf(out, "    run_dir = \"%s\"\n", cli->run_dir);
	if (cli->user != NULL)
		fprintf(out, "    user = \"%s\"\n", cli->user);
	fputs("}\n", out);
	return fclose(out) == 0 ? text : NULL;
}

static int write_file(const struct dc_cli *cli, const char *path, const char *text)
{
	if (cli->conf_path == NULL && mkdir(NTM_SYSCONFDIR, 0755) != 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ssize_t done = write(fd, text, strlen(text));
	int err = done < 0 ? -errno : done != (ssize_t)strlen(text) ? -ENOSPC : 0;
	close(fd);
	if (err != 0)
		(void)unlink(path);
	return err;
}

/* Written only after it was read back as a configuration: a typing error leaves no file behind. */
static int write_conf(const struct dc_cli *cli, const char *path)
{
	struct dc_conf conf;
	char words[2048] = "";
	char *text = conf_text(cli);

	if (text == NULL || dc_conf_parse(&conf, text, words, sizeof(words)) != 0) {
		fprintf(stderr, "ntm-dc: %s\n", words);
		free(text);
		return NTM_EXIT_USAGE;
	}
	dc_conf_free(&conf);
	int err = write_file(cli, path, text);
	free(text);
	if (err == 0)
		return NTM_EXIT_OK;
	snprintf(words, sizeof(words), "%s: %s", path,
		 err == -EEXIST ? "there already: `ntm-dc init` without options uses it"
				: strerror(-err));
	return dc_cli_fail(err, words);
}

/* The prefixes never change, and have to differ from those of domains to be trusted. */
static void print_made(const struct dc_conf *conf)
{
	struct domain domain;
	char words[DOMAIN_WORDS], prefix4[NTM_PREFIX_STR], prefix6[NTM_PREFIX_STR];

	if (domain_open(&domain, conf, words) != 0) {
		fprintf(stderr, "ntm-dc: %s\n", words);
		return;
	}
	fprintf(stderr,
		"made the domain %s; its keys are in %s (keep a copy of root.key elsewhere)\n"
		"virtual addresses: %s and %s\n"
		"next: ntm-dc run, or systemctl enable --now ntm-dc\n"
		"      ntm-dc node add NAME for each host, and ntm-node join TOKEN there\n",
		conf->domain, conf->state_dir, ntm_prefix_str(&domain.settings.prefix4, prefix4),
		ntm_prefix_str(&domain.settings.prefix6, prefix6));
	domain_close(&domain);
}

int dc_cmd_init(struct dc_cli *cli)
{
	const char *path = cli->conf_path != NULL ? cli->conf_path : DC_CONF_PATH;
	bool has_options = cli->domain != NULL || cli->addresses.count > 0 || cli->sip.count > 0 ||
			   cli->prefix4 != NULL || cli->prefix6 != NULL || cli->state_dir != NULL ||
			   cli->run_dir != NULL || cli->user != NULL;
	char words[DOMAIN_WORDS];

	if (has_options && (cli->domain == NULL || cli->addresses.count == 0)) {
		fputs("ntm-dc: init wants --domain and --address\n", stderr);
		return NTM_EXIT_USAGE;
	}
	int code = has_options ? write_conf(cli, path) : NTM_EXIT_OK;
	if (code == NTM_EXIT_OK)
		code = dc_cli_read_conf(cli);
	if (code != NTM_EXIT_OK)
		return code;
	int err = domain_make(&cli->conf, words);
	if (err != 0)
		code = dc_cli_fail(err, words);
	else
		print_made(&cli->conf);
	dc_conf_free(&cli->conf);
	return code;
}
