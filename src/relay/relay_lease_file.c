/* SPDX-License-Identifier: BSD-2-Clause */
/* The lease on disk: relay.json in the state directory, readable by the relay's user only. */
#include "relay_lease.h"

#include "ntm/daemon.h"
#include "ntm/hex.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_VERSION  1
#define LEASE_FILE_MAX 8192
#define DC_PORT        4330
#define PATH_STR       300

static json_t *dc_json(const struct relay_lease *lease)
{
	char text[NTM_ADDR_STR];
	json_t *json = json_array();

	for (size_t i = 0; i < 2; i++)
		if (lease->dc[i].ip.family != 0)
			json_array_append_new(json, json_string(ntm_addr_str(&lease->dc[i], text)));
	return json;
}

static json_t *prefixes_json(const struct relay_lease *lease)
{
	char text[NTM_PREFIX_STR];
	json_t *json = json_array();

	for (size_t i = 0; i < lease->prefixes.count; i++)
		json_array_append_new(json,
				      json_string(ntm_prefix_str(&lease->prefixes.item[i], text)));
	return json;
}

static json_t *lease_json(const struct relay_lease *lease)
{
	char secret[NTM_KEY_STR], dc_key[NTM_KEY_STR], root[NTM_KEY_STR];
	char cert[2 * NTM_CERT_MAX + 1];

	ntm_hex_print(lease->cert.data, lease->cert.len, cert);
	json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "version",
				 LEASE_VERSION, "fqdn", lease->fqdn, "domain", lease->domain,
				 "secret", ntm_key_str(lease->keys.sec, secret), "dc_key",
				 ntm_key_str(lease->dc_key, dc_key), "root",
				 ntm_key_str(lease->root, root), "certificate", cert, "dc",
				 dc_json(lease), "prefixes", prefixes_json(lease));
	ntm_wipe(secret, sizeof(secret));
	return json;
}

static const char *lease_path(const char *state_dir, char path[static PATH_STR])
{
	snprintf(path, PATH_STR, "%s/relay.json", state_dir);
	return path;
}

int relay_lease_save(const struct relay_lease *lease, const char *state_dir, char *words,
		     size_t words_len)
{
	char path[PATH_STR];
	json_t *json = lease_json(lease);
	char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
	int err = -ENOMEM;

	lease_path(state_dir, path);
	if (text != NULL) {
		err = ntm_secret_write(path, text, strlen(text));
		ntm_wipe(text, strlen(text));
	}
	if (err != 0)
		snprintf(words, words_len, "%s: cannot write: %s", path, strerror(-err));
	free(text);
	json_decref(json);
	return err;
}

int relay_lease_save_own(const struct relay_lease *lease, const char *state_dir, char *words,
			 size_t words_len)
{
	struct relay_lease there;
	int err = relay_lease_load(&there, state_dir, words, words_len);
	bool is_own = err != 0 || ntm_secret_eq(there.keys.sec, lease->keys.sec, NTM_KEY_LEN);

	if (!is_own)
		snprintf(words, words_len,
			 "%s/relay.json is the lease of %s now, and stays; this process is still "
			 "%s: restart it",
			 state_dir, there.fqdn, lease->fqdn);
	ntm_wipe(&there, sizeof(there));
	return is_own ? relay_lease_save(lease, state_dir, words, words_len) : -EEXIST;
}

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text != NULL ? text : "";
}

static int lists_in(struct relay_lease *lease, const json_t *json)
{
	const json_t *dc = json_object_get(json, "dc");
	const json_t *prefixes = json_object_get(json, "prefixes");
	int err = 0;

	if (json_array_size(dc) < 1 || json_array_size(dc) > 2 ||
	    json_array_size(prefixes) > NTM_MSG_PREFIXES)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(dc) && err == 0; i++) {
		const char *text = json_string_value(json_array_get(dc, i));
		err = text == NULL ? -EINVAL : ntm_addr_parse(&lease->dc[i], text, DC_PORT);
	}
	for (size_t i = 0; i < json_array_size(prefixes) && err == 0; i++) {
		const char *text = json_string_value(json_array_get(prefixes, i));
		err = text == NULL ? -EINVAL : ntm_prefix_parse(&lease->prefixes.item[i], text);
		lease->prefixes.count++;
	}
	return err;
}

static int lease_in(struct relay_lease *lease, const json_t *json)
{
	size_t cert_len = 0;

	if (json_integer_value(json_object_get(json, "version")) != LEASE_VERSION)
		return -ENOTSUP;
	if (ntm_hex_parse(text_of(json, "certificate"), lease->cert.data, sizeof(lease->cert.data),
			  &cert_len) != 0 ||
	    cert_len == 0 || ntm_name_canon(lease->fqdn, text_of(json, "fqdn")) != 0 ||
	    ntm_name_canon(lease->domain, text_of(json, "domain")) != 0 ||
	    ntm_key_parse(lease->keys.sec, text_of(json, "secret")) != 0 ||
	    ntm_key_parse(lease->dc_key, text_of(json, "dc_key")) != 0 ||
	    ntm_key_parse(lease->root, text_of(json, "root")) != 0)
		return -EINVAL;
	lease->cert.len = (uint16_t)cert_len;
	ntm_keys_from_secret(&lease->keys);
	return lists_in(lease, json);
}

int relay_lease_load(struct relay_lease *lease, const char *state_dir, char *words,
		     size_t words_len)
{
	char path[PATH_STR], text[LEASE_FILE_MAX];
	size_t len;

	memset(lease, 0, sizeof(*lease));
	int err = ntm_secret_read(lease_path(state_dir, path), text, sizeof(text), &len);
	if (err != 0) {
		snprintf(words, words_len, "%s: %s", path,
			 err == -ENOENT   ? "this host is no relay yet: run `ntm-relay join TOKEN`"
			 : err == -EPERM  ? "others may read it: chmod 600, and think of joining "
					    "again"
			 : err == -EACCES ? "not allowed: use sudo"
					  : strerror(-err));
		return err;
	}
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	ntm_wipe(text, sizeof(text));
	err = json_is_object(json) ? lease_in(lease, json) : -EINVAL;
	json_decref(json);
	if (err != 0) {
		ntm_wipe(lease, sizeof(*lease));
		snprintf(words, words_len, "%s: %s: join again with a new token", path,
			 err == -ENOTSUP ? "written by another version" : "damaged");
	}
	return err;
}
