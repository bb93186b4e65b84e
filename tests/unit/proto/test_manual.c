/* SPDX-License-Identifier: BSD-2-Clause */
/* man/ntm-protocol.7 against the code: every message, every TLV, and which TLVs a message has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ntm/msg.h"
#include "proto/hexes.h"
#include "proto/msg_samples.h"

#define NAME_MAX_LEN 40
#define ENTRY_MAX    80

struct entry {
	char name[NAME_MAX_LEN];
	unsigned number;
};
struct table {
	size_t count;
	struct entry entry[ENTRY_MAX];
};

static char *page; /* of section 7 */
static struct table code_tlvs, page_tlvs, code_msgs, page_msgs;

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	long len;

	if (!f)
		fail_msg("cannot open %s", path);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	len = ftell(f);
	assert_true(len > 0);
	rewind(f);
	text = malloc((size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)len, f), len);
	text[len] = '\0';
	fclose(f);
	return text;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

static void add(struct table *table, const char *name, unsigned number)
{
	struct entry *entry = &table->entry[table->count++];

	assert_true(table->count < ENTRY_MAX);
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->number = number;
}

/* Enumerators ("PREFIX_NAME = 1,") and macros ("#define PREFIX_NAME 1") of a header. */
static void read_code(const char *path, struct table *table, const char *prefix)
{
	static const char define[] = "#define ";
	char *text = slurp(path);

	for (const char *line = text; line; line = next_line(line)) {
		const char *at = line + strspn(line, "\t");
		char name[NAME_MAX_LEN];
		unsigned long number;
		char *end;
		size_t len;

		if (strncmp(at, define, strlen(define)) == 0)
			at += strlen(define);
		if (strncmp(at, prefix, strlen(prefix)) != 0)
			continue;
		at += strlen(prefix);
		len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		at += len + strspn(at + len, " =");
		number = strtoul(at, &end, 0);
		if (end != at && strcmp(name, "MUST") != 0) /* that is a bit of numbers */
			add(table, name, (unsigned)number);
	}
	free(text);
}

static const struct entry *find(const struct table *table, unsigned number)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entry[i].number == number)
			return &table->entry[i];
	return NULL;
}

static void assert_same(const struct table *a, const struct table *b)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *other = find(b, a->entry[i].number);

		if (!other || strcmp(other->name, a->entry[i].name) != 0)
			fail_msg("%s (%#x) is %s on the other side", a->entry[i].name,
				 a->entry[i].number, other ? other->name : "missing");
	}
	assert_int_equal(a->count, b->count);
}

static void all_tlvs(void **unused)
{
	(void)unused;
	assert_true(code_tlvs.count > 30);
	assert_same(&code_tlvs, &page_tlvs);
	assert_same(&page_tlvs, &code_tlvs);
}

static void all_messages(void **unused)
{
	(void)unused;
	assert_int_equal(code_msgs.count, NTM_MSG_RELAY_RESTARTED);
	assert_same(&code_msgs, &page_msgs);
	assert_same(&page_msgs, &code_msgs);
	for (size_t i = 0; i < code_msgs.count; i++)
		assert_string_equal(ntm_msg_name((uint8_t)code_msgs.entry[i].number),
				    code_msgs.entry[i].name);
}

/* The first line behind the heading of a message's section, or NULL. */
static const char *section_find(const char *name)
{
	for (const char *line = page; line; line = next_line(line)) {
		size_t len = strlen(name);

		if (strncmp(line, ".Ss ", 4) == 0 && strncmp(line + 4, name, len) == 0 &&
		    line[4 + len] == '\n')
			return next_line(line);
	}
	return NULL;
}

static bool is_end(const char *line)
{
	return strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0;
}

/* The page's word for a TLV in a message's table: "yes", "no", "one", or "" when it is not there.
 */
static void row_find(const char *section, const char *tlv, char word[static 8])
{
	word[0] = '\0';
	for (const char *line = section; line && !is_end(line); line = next_line(line)) {
		char name[NAME_MAX_LEN], found[8];

		if (sscanf(line, ".It %39[A-Z0-9_] Ta %7s", name, found) == 2 &&
		    strcmp(name, tlv) == 0) {
			assert_string_equal(word, ""); /* no row twice */
			strcpy(word, found);
		}
	}
}

static bool is_required(const struct sample *sample, unsigned tlv)
{
	for (size_t i = 0; sample->required[i]; i++)
		if (sample->required[i] == tlv)
			return true;
	return false;
}

static size_t count_rows(const char *section)
{
	size_t count = 0;

	for (const char *line = section; line && !is_end(line); line = next_line(line)) {
		char name[NAME_MAX_LEN], word[8];

		if (sscanf(line, ".It %39[A-Z0-9_] Ta %7s", name, word) == 2 && name[0] >= 'A' &&
		    (strcmp(word, "yes") == 0 || strcmp(word, "no") == 0 ||
		     strcmp(word, "one") == 0))
			count++;
	}
	return count;
}

/* Each sample has all fields that its message can have (but the two that take one of two). */
static void fields_of_messages(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		bool is_choice = samples[i].type == NTM_MSG_DIRECTION_REQUEST ||
				 samples[i].type == NTM_MSG_INFORMATION_REQUEST;
		const char *name = ntm_msg_name(samples[i].type);
		const char *section = section_find(name);
		uint8_t data[NTM_MSG_MAX];
		size_t len = unhex(data, sizeof(data), samples[i].hex);
		size_t count = 0;

		if (!section)
			fail_msg("no section for %s", name);
		for (size_t at = NTM_CTL_HEADER; at < len; count++) {
			unsigned number = (unsigned)data[at] << 8 | data[at + 1];
			const struct entry *tlv = find(&code_tlvs, number);
			const char *expected = is_required(&samples[i], number) ? "yes" : "no";
			char word[8];

			if (is_choice && (number == 0x11 || number == 0x12))
				expected = "one";
			assert_non_null(tlv);
			row_find(section, tlv->name, word);
			if (strcmp(word, expected) != 0)
				fail_msg("%s of %s: \"%s\" instead of \"%s\"", tlv->name, name,
					 word, expected);
			at += 4U + ((unsigned)data[at + 2] << 8) + data[at + 3];
		}
		assert_int_equal(count_rows(section), count + is_choice);
	}
}

static void names_of_codes(void **unused)
{
	(void)unused;
	for (uint8_t code = NTM_DIR_NO_SUCH_NAME; code <= NTM_DIR_LAST; code++) {
		char row[80];

		snprintf(row, sizeof(row), "\n.It %u Ta %s\n", code, ntm_direction_code_name(code));
		if (!strstr(page, row))
			fail_msg("missing: %s", row);
	}
	for (uint8_t reason = NTM_REASON_NAME; reason <= NTM_REASON_MOVE; reason++) {
		char words[80];

		snprintf(words, sizeof(words), "%u %s", reason, ntm_reason_name(reason));
		assert_non_null(strstr(page, words));
	}
}

static int start(void **unused)
{
	(void)unused;
	page = slurp(NTM_SOURCE_DIR "/man/ntm-protocol.7");
	read_code(NTM_SOURCE_DIR "/src/proto/msg_tlv.h", &code_tlvs, "NTM_TLV_");
	read_code(NTM_SOURCE_DIR "/include/ntm/ctl_wire.h", &code_tlvs, "NTM_TLV_");
	read_code(NTM_SOURCE_DIR "/include/ntm/ctl_wire.h", &code_msgs, "NTM_MSG_");
	for (const char *line = page; line; line = next_line(line)) {
		char name[NAME_MAX_LEN], rest[2];
		unsigned number;

		if (sscanf(line, ".It 0x%4x Ta %39[A-Z0-9_] Ta %1s", &number, name, rest) == 3)
			add(&page_tlvs, name, number);
		else if (sscanf(line, ".It %u Ta %39[A-Z_] Ta %1[rl]", &number, name, rest) == 3 &&
			 strncmp(line + strlen(".It "), "0x", 2) != 0)
			add(&page_msgs, name, number);
	}
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	free(page);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tlvs),
		cmocka_unit_test(all_messages),
		cmocka_unit_test(fields_of_messages),
		cmocka_unit_test(names_of_codes),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
