/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files as tables of options, read with libconfuse. */
#include "conf_int.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 262144 /* bytes; a large site's has a few thousand */

struct reader {
	const struct ntm_section *sections;
	void *conf;
	struct conf_report *report;
	/* Lines where options were given, and where sections ended; 0 = not yet. */
	int *opt_lines, *section_lines;
};

/* libconfuse hands nothing of ours to its callbacks; it reads one file at a time itself. */
static struct reader *reading;

static void *member_of(void *conf, const struct ntm_opt *opt)
{
	return (char *)conf + opt->offset;
}

void conf_vcomplain(struct conf_report *report, int line, const char *fmt, va_list ap)
{
	char text[512], place[16] = "";

	report->failed = true;
	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	if (line > 0)
		snprintf(place, sizeof(place), ":%d", line);
	if (report->len >= report->cap)
		return;
	report->len +=
		(size_t)snprintf(report->err + report->len, report->cap - report->len, "%s%s%s: %s",
				 report->len > 0 ? "\n" : "", report->name, place, text);
}

void conf_complain(struct conf_report *report, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_vcomplain(report, line, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	conf_vcomplain(reading->report, cfg->line, fmt, ap);
}

static void complain_of_value(int line, const struct ntm_opt *opt, const char *text, int rc)
{
	char expected[CONF_EXPECTED_STR];

	if (rc == -E2BIG && opt->type == NTM_OPT_TITLE)
		conf_complain(reading->report, line, "more than %d sections of that name",
			      (int)opt->max);
	else if (rc == -E2BIG)
		conf_complain(reading->report, line, "%s: more than %d values", opt->name,
			      NTM_LIST_MAX);
	else if (rc == -ENOMEM)
		conf_complain(reading->report, line, "%s: out of memory", opt->name);
	else
		conf_complain(reading->report, line, "%s: expected %s, got '%.80s'", opt->name,
			      conf_value_expected(opt, expected), text);
}

static void complain_of_list(int line, const struct ntm_opt *opt)
{
	conf_complain(reading->report, line, "%s: takes one value, not a list", opt->name);
}

static const struct ntm_section *find_section(const char *name)
{
	const struct ntm_section *s = reading->sections;

	while (strcmp(s->name, name) != 0)
		s++;
	return s;
}

static void preset_section(const struct ntm_section *s, void *base, struct conf_report *report)
{
	for (const struct ntm_opt *opt = s->opts; opt->name; opt++) {
		if (opt->type != NTM_OPT_TITLE && conf_value_preset(opt, member_of(base, opt)) < 0)
			conf_complain(report, 0, "%s: bad default", opt->name);
	}
}

/* What the offsets of a section's options are in. NULL: complained. */
static void *base_of(const struct ntm_section *s, const char *title, int line)
{
	const struct ntm_opt *opt = conf_title_of(s);
	bool made = false;
	int err = -EINVAL;
	void *base;

	if (!opt)
		return reading->conf;
	base = conf_value_is_name(title) ? conf_titled_get(opt, reading->conf, title, &made, &err)
					 : NULL;
	if (!base)
		complain_of_value(line, opt, title, err);
	else if (made)
		preset_section(s, base, reading->report);
	return base;
}

/* The option, and its place among those of all sections. */
static const struct ntm_opt *find(const char *section, const char *name, size_t *index)
{
	*index = 0;
	for (const struct ntm_section *s = reading->sections; s->name; s++) {
		for (const struct ntm_opt *opt = s->opts; opt->name; opt++, ++*index) {
			if (strcmp(s->name, section) == 0 && strcmp(opt->name, name) == 0)
				return opt;
		}
	}
	abort(); /* libconfuse knows only what we told it */
}

/* An option's '=': with the only value, or with a list's first one. */
static void begin_option(const struct ntm_opt *opt, size_t index, void *base, int line)
{
	int *first_line = &reading->opt_lines[index];

	if (*first_line)
		conf_complain(reading->report, line, "%s: given twice, first in line %d", opt->name,
			      *first_line);
	*first_line = line;
	if (conf_value_is_list(opt))
		conf_value_free(opt, member_of(base, opt));
}

/* Called for every value, also one of a list. libconfuse keeps a copy that nobody reads. */
static int on_value(cfg_t *cfg, cfg_opt_t *cfg_opt, const char *text, void *result)
{
	size_t index;
	const struct ntm_opt *opt = find(cfg->name, cfg_opt->name, &index);
	void *base = base_of(find_section(cfg->name), cfg->title, cfg->line);
	int rc;

	*(const char **)result = text;
	if (!base)
		return -1; /* complained: the reading ends here */
	if (cfg_opt->nvalues == 1)
		begin_option(opt, index, base, cfg->line);
	if (*text == CONF_EMPTY_LIST) {
		if (!conf_value_is_list(opt))
			complain_of_list(cfg->line, opt);
		return 0;
	}
	rc = conf_value_set(opt, member_of(base, opt), text);
	if (rc < 0)
		complain_of_value(cfg->line, opt, text, rc);
	return 0;
}

/* The next one of that name, with another title, begins with no option given. */
static int on_titled_end(const struct ntm_section *s, const char *title, int line)
{
	size_t first;

	(void)find(s->name, s->opts->name, &first);
	for (const struct ntm_opt *opt = s->opts; opt->name; opt++)
		reading->opt_lines[first++] = 0;
	return base_of(s, title, line) ? 0 : -1; /* it may have had no option at all */
}

static int on_section_end(cfg_t *cfg, cfg_opt_t *cfg_opt)
{
	const struct ntm_section *section = find_section(cfg_opt->name);
	size_t i = (size_t)(section - reading->sections);

	if (conf_title_of(section))
		return on_titled_end(section, cfg_opt_getnsec(cfg_opt, cfg_opt->nvalues - 1)->title,
				     cfg->line);
	if (reading->section_lines[i])
		conf_complain(reading->report, cfg->line,
			      "section %s: given twice, the first ends in line %d", cfg_opt->name,
			      reading->section_lines[i]);
	reading->section_lines[i] = cfg->line;
	return 0;
}

static size_t count_sections(const struct ntm_section *sections)
{
	size_t n = 0;

	while (sections[n].name)
		n++;
	return n;
}

static size_t count_opts(const struct ntm_section *sections)
{
	size_t n = 0;

	for (const struct ntm_section *s = sections; s->name; s++) {
		for (const struct ntm_opt *opt = s->opts; opt->name; opt++)
			n++;
	}
	return n;
}

/* Our tables in libconfuse's form. Zeros end each of its tables. */
static void fill_tables(const struct ntm_section *sections, cfg_opt_t *root, cfg_opt_t *next)
{
	for (const struct ntm_section *s = sections; s->name; s++, root++, next++) {
		*root = (cfg_opt_t){
			.name = s->name,
			.type = CFGT_SEC,
			.flags = conf_title_of(s) ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES
						  : CFGF_NODEFAULT,
			.subopts = next,
			.validcb = on_section_end,
		};
		for (const struct ntm_opt *opt = s->opts; opt->name; opt++) {
			if (opt->type == NTM_OPT_TITLE)
				continue;
			*next++ = (cfg_opt_t){
				.name = opt->name,
				.type = CFGT_STR,
				.flags = CFGF_NODEFAULT |
					 (conf_value_is_list(opt) ? CFGF_LIST : CFGF_NONE),
				.parsecb = on_value,
			};
		}
	}
}

static cfg_t *new_cfg(const struct ntm_section *sections)
{
	size_t section_count = count_sections(sections);
	cfg_opt_t *tables = calloc(2 * section_count + 1 + count_opts(sections), sizeof(*tables));
	cfg_t *cfg = NULL;

	if (!tables)
		return NULL;
	fill_tables(sections, tables, tables + section_count + 1);
	cfg = cfg_init(tables, CFGF_NONE);
	free(tables); /* cfg_init made a copy */
	if (cfg)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

static void parse_with(struct reader *reader, const char *text)
{
	cfg_t *cfg = new_cfg(reader->sections);

	if (!cfg) {
		conf_complain(reader->report, 0, "out of memory");
		return;
	}
	reading = reader;
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS && !reader->report->failed)
		conf_complain(reader->report, 0, "cannot be read");
	reading = NULL;
	cfg_free(cfg);
}

/* Reads a cleaned text. */
static void parse(const struct ntm_section *sections, void *conf, const char *text,
		  struct conf_report *report)
{
	struct reader reader = {.sections = sections, .conf = conf, .report = report};
	size_t section_count = count_sections(sections);

	reader.section_lines = calloc(section_count + count_opts(sections) + 1, sizeof(int));
	if (!reader.section_lines) {
		conf_complain(report, 0, "out of memory");
		return;
	}
	reader.opt_lines = reader.section_lines + section_count;
	parse_with(&reader, text);
	free(reader.section_lines);
}

static void preset(const struct ntm_section *sections, void *conf, struct conf_report *report)
{
	for (const struct ntm_section *s = sections; s->name; s++) {
		if (!conf_title_of(s))
			preset_section(s, conf, report);
	}
}

/* text is ours to change. */
static int read_copy(char *text, const struct ntm_section *sections, void *conf,
		     struct conf_report *report)
{
	preset(sections, conf, report);
	conf_clean(text, report);
	if (!report->failed)
		parse(sections, conf, text, report);
	if (!report->failed)
		return 0;
	ntm_conf_free(sections, conf);
	return -EINVAL;
}

static void zero_all(const struct ntm_section *sections, void *conf)
{
	for (const struct ntm_section *s = sections; s->name; s++) {
		const struct ntm_opt *title = conf_title_of(s);

		if (title)
			conf_value_zero(title, member_of(conf, title));
		for (const struct ntm_opt *opt = s->opts; opt->name && !title; opt++)
			conf_value_zero(opt, member_of(conf, opt));
	}
}

static struct conf_report new_report(const char *name, char *err, size_t err_len)
{
	if (err_len > 0)
		*err = '\0';
	return (struct conf_report){.name = name, .err = err, .cap = err_len};
}

int ntm_conf_read_text(const char *text, const char *name, const struct ntm_section *sections,
		       void *conf, char *err, size_t err_len)
{
	struct conf_report report = new_report(name, err, err_len);
	char *copy = strdup(text);
	int rc;

	zero_all(sections, conf);
	if (!copy) {
		conf_complain(&report, 0, "out of memory");
		return -ENOMEM;
	}
	rc = read_copy(copy, sections, conf, &report);
	free(copy);
	return rc;
}

static int count_lines(const char *text, size_t len)
{
	int n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* The whole file with a NUL behind it, in text of FILE_MAX + 1 bytes. 0 or negative errno. */
static int load(const char *path, char *text, struct conf_report *report)
{
	FILE *file;
	size_t len = 0;
	int rc = 0;

	errno = 0;
	file = fopen(path, "re");
	if (file)
		len = fread(text, 1, FILE_MAX + 1, file);
	if (!file || ferror(file))
		rc = errno ? -errno : -EIO;
	if (file)
		fclose(file);
	if (rc < 0) {
		conf_complain(report, 0, "%s", strerror(-rc));
		return rc;
	}
	if (len > FILE_MAX) {
		conf_complain(report, 0, "is over %d bytes long", FILE_MAX);
		return -EINVAL;
	}
	text[len] = '\0';
	if (strlen(text) == len)
		return 0;
	conf_complain(report, count_lines(text, strlen(text)), "NUL byte");
	return -EINVAL;
}

int ntm_conf_read(const char *path, const struct ntm_section *sections, void *conf, char *err,
		  size_t err_len)
{
	struct conf_report report = new_report(path, err, err_len);
	char *text = malloc(FILE_MAX + 1);
	int rc;

	zero_all(sections, conf);
	if (!text) {
		conf_complain(&report, 0, "out of memory");
		return -ENOMEM;
	}
	rc = load(path, text, &report);
	if (rc == 0)
		rc = read_copy(text, sections, conf, &report);
	free(text);
	return rc;
}

static void free_opts(const struct ntm_opt *opt, void *base)
{
	for (; opt->name; opt++)
		conf_value_free(opt, member_of(base, opt));
}

static void free_titled(const struct ntm_opt *title, void *conf)
{
	for (size_t i = 0; i < conf_titled_count(title, conf); i++) {
		char **item = conf_titled_at(title, conf, i);

		free(*item);
		*item = NULL;
		free_opts(title + 1, item);
	}
	conf_value_zero(title, member_of(conf, title));
}

void ntm_conf_free(const struct ntm_section *sections, void *conf)
{
	for (const struct ntm_section *s = sections; s->name; s++) {
		if (conf_title_of(s))
			free_titled(s->opts, conf);
		else
			free_opts(s->opts, conf);
	}
}
