/* SPDX-License-Identifier: BSD-2-Clause */
/* The lease on disk: lease.json in the state directory, readable by the node's user only. */
#include "lease.h"

#include "ntm/daemon.h"
#include "ntm/hex.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_VERSION  1
#define LEASE_FILE_MAX 8192

static json_t *ip_json(const struct ntm_ip *ip)
{
	char text[NTM_IP_STR];

	return ip->family == 0 ? json_null() : json_string(ntm_ip_str(ip, text));
}

static json_t *lists_json(const struct node_lease *lease, json_t *json)
{
	char text[NTM_ADDR_STR];
	json_t *dc = json_array(), *prefixes = json_array(), *suffixes = json_array();

	for (size_t i = 0; i < 2; i++)
		if (lease->dc[i].ip.family != 0)
			json_array_append_new(dc, json_string(ntm_addr_str(&lease->dc[i], text)));
	for (size_t i = 0; i < lease->prefixes.count; i++) {
		char prefix[NTM_PREFIX_STR];

		json_array_append_new(prefixes, json_string(ntm_prefix_str(&lease->prefixes.item[i],
									   prefix)));
	}
	for (size_t i = 0; i < lease->suffixes.count; i++)
		json_array_append_new(suffixes, json_string(lease->suffixes.item[i]));
	json_object_set_new(json, "dc", dc);
	json_object_set_new(json, "prefixes", prefixes);
	json_object_set_new(json, "suffixes", suffixes);
	return json;
}

static json_t *lease_json(const struct node_lease *lease)
{
	char secret[NTM_KEY_STR], dc_key[NTM_KEY_STR], root[NTM_KEY_STR],
		cert[2 * NTM_CERT_MAX + 1];

	ntm_hex_print(lease->cert.data, lease->cert.len, cert);
	json_t *json =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "version",
			  LEASE_VERSION, "fqdn", lease->fqdn, "domain", lease->domain, "secret",
			  ntm_key_str(lease->keys.sec, secret), "dc_key",
			  ntm_key_str(lease->dc_key, dc_key), "root",
			  ntm_key_str(lease->root, root), "certificate", cert, "vip4",
			  ip_json(&lease->vip4), "vip6", ip_json(&lease->vip6), "resolver4",
			  ip_json(&lease->resolver4), "resolver6", ip_json(&lease->resolver6));
	ntm_wipe(secret, sizeof(secret));
	return json == NULL ? NULL : lists_json(lease, json);
}

int lease_save(const struct node_lease *lease, const char *state_dir, char *words, size_t words_len)
{
	char path[512];
	json_t *json = lease_json(lease);
	char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
	int err = -ENOMEM;

	snprintf(path, sizeof(path), "%s/lease.json", state_dir);
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

static int ip_in(const json_t *json, const char *name, struct ntm_ip *ip)
{
	const json_t *value = json_object_get(json, name);

	if (json_is_null(value))
		return 0;
	return json_is_string(value) ? ntm_ip_parse(ip, json_string_value(value)) : -EINVAL;
}

static int key_in(const json_t *json, const char *name, uint8_t key[static 32])
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? -EINVAL : ntm_key_parse(key, text);
}

static int name_in(const json_t *json, const char *name, char out[static NTM_NAME_MAX + 1])
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? -EINVAL : ntm_name_canon(out, text);
}

static int lists_in(const json_t *json, struct node_lease *lease)
{
	const json_t *dc = json_object_get(json, "dc");
	const json_t *prefixes = json_object_get(json, "prefixes");
	const json_t *suffixes = json_object_get(json, "suffixes");
	int err = 0;

	if (json_array_size(dc) < 1 || json_array_size(dc) > 2 ||
	    json_array_size(prefixes) > NTM_MSG_PREFIXES ||
	    json_array_size(suffixes) > NTM_MSG_NAMES)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(dc) && err == 0; i++) {
		const char *text = json_string_value(json_array_get(dc, i));
		err = text == NULL ? -EINVAL : ntm_addr_parse(&lease->dc[i], text, 4330);
	}
	for (size_t i = 0; i < json_array_size(prefixes) && err == 0; i++) {
		const char *text = json_string_value(json_array_get(prefixes, i));
		err = text == NULL ? -EINVAL : ntm_prefix_parse(&lease->prefixes.item[i], text);
		lease->prefixes.count++;
	}
	for (size_t i = 0; i < json_array_size(suffixes) && err == 0; i++) {
		const char *text = json_string_value(json_array_get(suffixes, i));
		err = text == NULL ? -EINVAL : ntm_name_canon(lease->suffixes.item[i], text);
		lease->suffixes.count++;
	}
	return err;
}

static int lease_in(const json_t *json, struct node_lease *lease)
{
	const char *cert = json_string_value(json_object_get(json, "certificate"));
	size_t cert_len;

	if (json_integer_value(json_object_get(json, "version")) != LEASE_VERSION)
		return -ENOTSUP;
	if (cert == NULL ||
	    ntm_hex_parse(cert, lease->cert.data, sizeof(lease->cert.data), &cert_len) != 0 ||
	    name_in(json, "fqdn", lease->fqdn) != 0 ||
	    name_in(json, "domain", lease->domain) != 0 ||
	    key_in(json, "secret", lease->keys.sec) != 0 ||
	    key_in(json, "dc_key", lease->dc_key) != 0 || key_in(json, "root", lease->root) != 0)
		return -EINVAL;
	if (ip_in(json, "vip4", &lease->vip4) != 0 || ip_in(json, "vip6", &lease->vip6) != 0 ||
	    ip_in(json, "resolver4", &lease->resolver4) != 0 ||
	    ip_in(json, "resolver6", &lease->resolver6) != 0)
		return -EINVAL;
	lease->cert.len = (uint16_t)cert_len;
	ntm_keys_from_secret(&lease->keys);
	return lists_in(json, lease);
}

int lease_load(struct node_lease *lease, const char *state_dir, char *words, size_t words_len)
{
	char path[512], text[LEASE_FILE_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/lease.json", state_dir);
	memset(lease, 0, sizeof(*lease));
	int err = ntm_secret_read(path, text, sizeof(text), &len);
	if (err == -ENOENT) {
		snprintf(words, words_len,
			 "%s: this host has not joined a domain yet: run `ntm-node join TOKEN`",
			 path);
		return err;
	}
	if (err != 0) {
		snprintf(words, words_len, "%s: %s", path,
			 err == -EPERM    ? "others may read it: chmod 600, and think of joining "
					    "again"
			 : err == -EACCES ? "not allowed: use sudo"
					  : strerror(-err));
		return err;
	}
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	ntm_wipe(text, sizeof(text));
	err = json_is_object(json) ? lease_in(json, lease) : -EINVAL;
	json_decref(json);
	if (err != 0) {
		ntm_wipe(lease, sizeof(*lease));
		snprintf(words, words_len, "%s: %s: join again with a new token", path,
			 err == -ENOTSUP ? "written by another version" : "damaged");
	}
	return err;
}

int lease_save_own(const struct node_lease *lease, const char *state_dir, char *words,
		   size_t words_len)
{
	struct node_lease there;
	int err = lease_load(&there, state_dir, words, words_len);
	bool is_own = err != 0 || ntm_secret_eq(there.keys.sec, lease->keys.sec, NTM_KEY_LEN);

	if (!is_own)
		snprintf(words, words_len,
			 "%s/lease.json is the lease of %s now, and stays; this process is still "
			 "%s: restart it",
			 state_dir, there.fqdn, lease->fqdn);
	ntm_wipe(&there, sizeof(there));
	return is_own ? lease_save(lease, state_dir, words, words_len) : -EEXIST;
}
