/* SPDX-License-Identifier: BSD-2-Clause */
/* The sample file: every option with its help, commented out. */
#include "conf_int.h"

#include <inttypes.h>
#include <string.h>

/* Room for the texts below and any number. */
#define EXAMPLE_STR 32

/* Shown for an option that has no default: a value that it takes. */
static const char *example(const struct ntm_opt *opt, char buf[static EXAMPLE_STR])
{
	static const char *const texts[] = {
		[NTM_OPT_STRING] = "text",
		[NTM_OPT_PATH] = "/path",
		[NTM_OPT_BOOL] = "yes",
		[NTM_OPT_ADDR] = "192.0.2.1",
		[NTM_OPT_PREFIX] = "192.0.2.0/24",
		[NTM_OPT_STRINGS] = "one two",
		[NTM_OPT_PORTS] = "5060 5061",
		[NTM_OPT_ADDRS] = "192.0.2.1 192.0.2.2",
		[NTM_OPT_PREFIXES] = "192.0.2.0/24 2001:db8::/32",
		[NTM_OPT_NAMES] = "sip.example.org",
		[NTM_OPT_TITLE] = "name",
	};

	if (opt->type == NTM_OPT_ENUM)
		snprintf(buf, EXAMPLE_STR, "%.*s", (int)strcspn(opt->words, "|"), opt->words);
	else if (opt->type == NTM_OPT_INT || opt->type == NTM_OPT_MS)
		snprintf(buf, EXAMPLE_STR, "%" PRId64 "%s", opt->min,
			 opt->type == NTM_OPT_MS ? "ms" : "");
	else
		snprintf(buf, EXAMPLE_STR, "%s", texts[opt->type]);
	return buf;
}

static bool is_quoted(enum ntm_opt_type type)
{
	switch (type) {
	case NTM_OPT_BOOL:
	case NTM_OPT_INT:
	case NTM_OPT_MS:
	case NTM_OPT_ENUM:
	case NTM_OPT_PORTS:
		return false;
	default:
		return true;
	}
}

static void print_value(const struct ntm_opt *opt, const char *text, size_t len, FILE *out)
{
	bool quoted = is_quoted(opt->type);

	if (quoted)
		fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (quoted && (text[i] == '"' || text[i] == '\\'))
			fputc('\\', out);
		fputc(text[i], out);
	}
	if (quoted)
		fputc('"', out);
}

static void print_list(const struct ntm_opt *opt, const char *words, FILE *out)
{
	const char *before = "{ ";

	for (size_t len; *words; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		if (len == 0)
			break;
		fputs(before, out);
		print_value(opt, words, len, out);
		before = ", ";
	}
	fputs(*before == '{' ? "{ }" : " }", out);
}

static void print_opt(const struct ntm_opt *opt, FILE *out)
{
	char expected[CONF_EXPECTED_STR], buf[EXAMPLE_STR];
	const char *text = opt->preset ? opt->preset : example(opt, buf);

	conf_value_expected(opt, expected);
	fprintf(out, "\t# %s", opt->help);
	if (*expected)
		fprintf(out, " (%s)", expected);
	fputs(opt->preset ? "\n" : "; no default\n", out);
	fprintf(out, "\t#%s = ", opt->name);
	if (conf_value_is_list(opt))
		print_list(opt, text, out);
	else
		print_value(opt, text, strlen(text), out);
	fputc('\n', out);
}

/* Sections with titles have no defaults: all of one is commented out. */
static void print_section(const struct ntm_section *s, FILE *out)
{
	const struct ntm_opt *title = conf_title_of(s);
	const struct ntm_opt *first = title ? title + 1 : s->opts;

	if (title)
		fprintf(out, "\n# %s\n#%s \"%s\" {\n", title->help, s->name, title->name);
	else
		fprintf(out, "\n%s {\n", s->name);
	for (const struct ntm_opt *opt = first; opt->name; opt++) {
		if (opt != first)
			fputc('\n', out);
		print_opt(opt, out);
	}
	fprintf(out, "%s}\n", title ? "#" : "");
}

void ntm_conf_print_sample(const struct ntm_section *sections, FILE *out)
{
	fputs("# Every option is shown with its default; take the # away to change one.\n", out);
	for (const struct ntm_section *s = sections; s->name; s++)
		print_section(s, out);
}
