/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at the configuration's text before libconfuse 3.3 gets it, which counts lines wrongly in
 * comments, refuses comments within lists, puts the environment in place of ${NAME}, drops stray
 * characters, takes "\0" for a string's end, and does not miss a section's closing brace.
 */
#include "conf_int.h"

#include <string.h>

#define BLANKS    " \t"
#define STRAYS    "*+()"
#define WORD_ENDS " \t\r\n#\"'={},*+()"

struct cleaner {
	char *pos;
	int line;
	int depth;     /* of open braces */
	int open_line; /* of the outermost */
	char last[2];  /* the last two tokens: a character of punctuation, or 'w' for a word */
	char *brace;   /* the last opening one */
	struct conf_report *report;
};

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

static void step(struct cleaner *cl)
{
	if (*cl->pos == '\n')
		cl->line++;
	cl->pos++;
}

static void blank(struct cleaner *cl)
{
	if (*cl->pos != '\n')
		*cl->pos = ' ';
	step(cl);
}

static void token(struct cleaner *cl, char kind)
{
	cl->last[0] = cl->last[1];
	cl->last[1] = kind;
}

static void line_comment(struct cleaner *cl)
{
	while (*cl->pos && *cl->pos != '\n')
		blank(cl);
}

static void block_comment(struct cleaner *cl)
{
	int first_line = cl->line;

	blank(cl);
	blank(cl);
	while (*cl->pos && strncmp(cl->pos, "*/", 2) != 0)
		blank(cl);
	if (!*cl->pos) {
		conf_complain(cl->report, first_line, "comment is not closed");
		return;
	}
	blank(cl);
	blank(cl);
}

static void environment(struct cleaner *cl)
{
	conf_complain(cl->report, cl->line,
		      "the environment is not looked at: write '${...}' in single quotes");
}

/* What a backslash does in double quotes is libconfuse's business only for these two. */
static bool is_escape(char quote, char next)
{
	return next == '\\' || next == quote;
}

/* One character, or two, of a quoted string. */
static void string_part(struct cleaner *cl, char quote)
{
	if (is_control(*cl->pos))
		conf_complain(cl->report, cl->line, "control character in a string");
	if (quote == '"' && strncmp(cl->pos, "${", 2) == 0)
		environment(cl);
	if (*cl->pos == '\\') {
		if (is_escape(quote, cl->pos[1]))
			step(cl);
		else if (quote == '"')
			conf_complain(cl->report, cl->line,
				      "only \\\" and \\\\ may follow a backslash in double quotes");
	}
	step(cl);
}

static void string(struct cleaner *cl)
{
	char quote = *cl->pos;

	step(cl);
	while (*cl->pos && *cl->pos != '\n' && *cl->pos != quote)
		string_part(cl, quote);
	if (*cl->pos == quote)
		step(cl);
	else
		conf_complain(cl->report, cl->line, "string is not closed on its line");
	token(cl, 'w');
}

static void word(struct cleaner *cl)
{
	size_t len = strcspn(cl->pos, WORD_ENDS);

	for (size_t i = 0; i < len; i++) {
		if (is_control(cl->pos[i]))
			conf_complain(cl->report, cl->line, "control character");
	}
	if (cl->pos[len - 1] == '$' && cl->pos[len] == '{')
		environment(cl);
	cl->pos += len;
	token(cl, 'w');
}

static void open_brace(struct cleaner *cl)
{
	if (cl->depth++ == 0)
		cl->open_line = cl->line;
	cl->brace = cl->pos;
	token(cl, '{');
	step(cl);
}

static void close_brace(struct cleaner *cl)
{
	if (cl->depth > 0)
		cl->depth--;
	if (cl->last[0] == '=' && cl->last[1] == '{') {
		*cl->brace = CONF_EMPTY_LIST;
		*cl->pos = ' ';
	}
	token(cl, '}');
	step(cl);
}

static void stray(struct cleaner *cl)
{
	conf_complain(cl->report, cl->line, "stray '%c': put values with it in quotes", *cl->pos);
	blank(cl);
}

static void one_token(struct cleaner *cl)
{
	char c = *cl->pos;

	if (c == '#' || strncmp(cl->pos, "//", 2) == 0) {
		line_comment(cl);
	} else if (strncmp(cl->pos, "/*", 2) == 0) {
		block_comment(cl);
	} else if (strchr(BLANKS "\n", c) || strncmp(cl->pos, "\r\n", 2) == 0) {
		blank(cl);
	} else if (c == '"' || c == '\'') {
		string(cl);
	} else if (c == '{') {
		open_brace(cl);
	} else if (c == '}') {
		close_brace(cl);
	} else if (c == '=' || c == ',') {
		token(cl, c);
		step(cl);
	} else if (strchr(STRAYS "\r", c)) {
		stray(cl);
	} else {
		word(cl);
	}
}

void conf_clean(char *text, struct conf_report *report)
{
	struct cleaner cl = {.pos = text, .line = 1, .report = report};

	while (*cl.pos)
		one_token(&cl);
	if (cl.depth > 0)
		conf_complain(report, cl.open_line, "section is not closed");
}
