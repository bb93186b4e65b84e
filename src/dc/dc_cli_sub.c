/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs behind verbs (`node add`, `trust list`): one request, answered by the daemon or, without
 * it, from the store. */
#include "admin.h"
#include "dc_cli.h"

#include "ntm/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct dc_sub_verb *dc_cli_sub_verb(const struct dc_cli *cli, const struct dc_sub_verb *verbs,
					  size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(verbs[i].name, cli->argv[0]) == 0 && cli->argc == 1 + verbs[i].args)
			return &verbs[i];
	return NULL;
}

/* Without a daemon the store is ours to use, also when its pins are wrong: verbs put them right. */
static int answer_here(const struct dc_cli *cli, const json_t *request, json_t **reply)
{
	struct domain domain;
	char words[DOMAIN_WORDS];

	int err = domain_open_unchecked(&domain, &cli->conf, words);
	if (err != 0)
		return dc_cli_fail(err, words);
	const struct admin admin = {.domain = &domain};
	*reply = admin_answer(&admin, request);
	domain_close(&domain);
	const char *error = json_string_value(json_object_get(*reply, "error"));
	if (error == NULL && *reply != NULL)
		return NTM_EXIT_OK;
	fprintf(stderr, "ntm-dc: %s\n", error != NULL ? error : "out of memory");
	return NTM_EXIT_FAILED;
}

int dc_cli_run_sub_verb(const struct dc_cli *cli, const struct dc_sub_verb *verb, json_t *request)
{
	json_t *reply = NULL;
	int code = dc_cli_ask(cli, json_incref(request), &reply);

	bool is_running = code != NTM_EXIT_NOT_RUNNING;
	if (!is_running)
		code = answer_here(cli, request, &reply);
	if (code == NTM_EXIT_OK && !is_running)
		fputs("ntm-dc does not run (systemctl start ntm-dc): this is from its database\n",
		      stderr);
	if (code == NTM_EXIT_OK) {
		if (cli->json)
			ntm_verb_print(reply);
		else
			verb->print(reply);
	}
	json_decref(request);
	json_decref(reply);
	return code;
}
