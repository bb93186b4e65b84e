/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs of all programs share: values of an answer, and how `join` begins. */
#include "ntm/verb.h"

#include "ntm/exit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void values_of_an_answer(void **state)
{
	json_t *json = json_pack("{s:s, s:i}", "name", "alice", "count", 7);

	(void)state;
	assert_string_equal(ntm_verb_text(json, "name"), "alice");
	assert_string_equal(ntm_verb_text(json, "count"), "-");
	assert_string_equal(ntm_verb_text(json, "nothing"), "-");
	assert_int_equal(ntm_verb_number(json, "count"), 7);
	assert_int_equal(ntm_verb_number(json, "nothing"), 0);
	json_decref(json);
}

static void an_argument_may_come_from_standard_input(void **state)
{
	char line[8];
	int ends[2];

	(void)state;
	assert_string_equal(ntm_verb_arg("token", line, sizeof(line)), "token");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc\nlonger than it may be\n", 26), 26);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_string_equal(ntm_verb_arg("-", line, sizeof(line)), "abc\n");
	assert_string_equal(ntm_verb_arg("-", line, sizeof(line)), "longer ");
	while (fgetc(stdin) != EOF)
		;
	assert_string_equal(ntm_verb_arg("-", line, sizeof(line)), "");
}

static void the_state_directory_is_made(void **state)
{
	char base[] = "/tmp/ntm-verb-XXXXXX", dir[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/a/b", base);
	assert_int_equal(ntm_verb_state_dir("test", dir, ""), NTM_EXIT_OK);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(ntm_verb_state_dir("test", dir, ""), NTM_EXIT_OK); /* it is there */
	/* Only root hands it to somebody else. */
	assert_int_equal(ntm_verb_state_dir("test", dir, "no-such-user"),
			 geteuid() == 0 ? NTM_EXIT_FAILED : NTM_EXIT_OK);
	assert_int_equal(ntm_verb_state_dir("test", "/dev/null/a", ""), NTM_EXIT_FAILED);
	assert_int_equal(rmdir(dir), 0);
	snprintf(dir, sizeof(dir), "%s/a", base);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rmdir(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_an_answer),
		cmocka_unit_test(an_argument_may_come_from_standard_input),
		cmocka_unit_test(the_state_directory_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
