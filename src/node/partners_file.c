/* SPDX-License-Identifier: BSD-2-Clause */
/* The partner domains on disk: partners.json beside the lease, so that a node needs no DC for them.
 */
#include "partners.h"

#include "ntm/daemon.h"
#include "ntm/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VERSION 1
/* Some 400 bytes a domain. */
#define FILE_MAX 131072

static void put_prefix(json_t *json, const char *name, const struct ntm_prefix *prefix)
{
	char text[NTM_PREFIX_STR];

	if (prefix->ip.family != 0)
		json_object_set_new(json, name, json_string(ntm_prefix_str(prefix, text)));
}

static json_t *partner_json(const struct partner *partner)
{
	char root[NTM_KEY_STR];
	json_t *json = json_pack("{s:s, s:s}", "domain", partner->domain, "root",
				 ntm_key_str(partner->root, root));

	if (json == NULL)
		return NULL;
	put_prefix(json, "prefix4", &partner->prefix4);
	put_prefix(json, "prefix6", &partner->prefix6);
	return json;
}

/* The generation as text: JSON's numbers are signed. It counts for the DC of our root only. */
static json_t *list_json(const struct partners *list, const struct node_lease *lease)
{
	char generation[24], root[NTM_KEY_STR];
	json_t *array = json_array();

	snprintf(generation, sizeof(generation), "%" PRIu64, list->generation);
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, partner_json(&list->item[i]));
	return json_pack("{s:i, s:s, s:s, s:o}", "version", FILE_VERSION, "of",
			 ntm_key_str(lease->root, root), "generation", generation, "partners",
			 array);
}

int partners_save(const struct partners *list, const struct node_lease *lease,
		  const char *state_dir, char *words, size_t words_len)
{
	char path[512];
	json_t *json = list_json(list, lease);
	char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
	int err = -ENOMEM;

	snprintf(path, sizeof(path), "%s/partners.json", state_dir);
	if (text != NULL)
		err = ntm_secret_write(path, text, strlen(text));
	if (err != 0)
		snprintf(words, words_len, "%s: cannot write: %s", path, strerror(-err));
	free(text);
	json_decref(json);
	return err;
}

static int prefix_in(const json_t *json, const char *name, uint8_t family, struct ntm_prefix *out)
{
	const json_t *value = json_object_get(json, name);

	if (value == NULL)
		return 0;
	if (!json_is_string(value) || ntm_prefix_parse(out, json_string_value(value)) != 0 ||
	    out->ip.family != family)
		return -EINVAL;
	return 0;
}

static int partner_in(const json_t *json, struct partner *partner)
{
	const char *domain = json_string_value(json_object_get(json, "domain"));
	const char *root = json_string_value(json_object_get(json, "root"));

	memset(partner, 0, sizeof(*partner));
	if (domain == NULL || ntm_name_canon(partner->domain, domain) != 0 || root == NULL ||
	    ntm_key_parse(partner->root, root) != 0)
		return -EINVAL;
	if (prefix_in(json, "prefix4", 4, &partner->prefix4) != 0)
		return -EINVAL;
	return prefix_in(json, "prefix6", 6, &partner->prefix6);
}

static int generation_in(const json_t *json, uint64_t *generation)
{
	const char *text = json_string_value(json_object_get(json, "generation"));
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*generation = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -EINVAL;
}

static int list_in(const json_t *json, const struct node_lease *lease, struct partners *list)
{
	const json_t *array = json_object_get(json, "partners");
	const char *of = json_string_value(json_object_get(json, "of"));
	uint8_t root[NTM_SIGN_PUB_LEN];
	struct partner partner;

	if (json_integer_value(json_object_get(json, "version")) != FILE_VERSION)
		return -ENOTSUP;
	if (!json_is_array(array) || json_array_size(array) > PARTNERS_MAX || of == NULL ||
	    ntm_key_parse(root, of) != 0 || generation_in(json, &list->generation) != 0)
		return -EINVAL;
	if (memcmp(root, lease->root, sizeof(root)) != 0) {
		list->generation = 0; /* we have joined another domain since */
		return 0;
	}
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (partner_in(json_array_get(array, i), &partner) != 0)
			return -EINVAL;
		const char *why = partners_put(list, lease, &partner);
		if (why == NULL)
			continue;
		ntm_warn("partner domain %s is left out: %s", partner.domain, why);
		list->generation = 0;
	}
	return 0;
}

static int read_list(struct partners *list, const struct node_lease *lease, const char *path)
{
	char *text = malloc(FILE_MAX);
	size_t len = 0;
	int err = text == NULL ? -ENOMEM : ntm_secret_read(path, text, FILE_MAX, &len);

	if (err == 0) {
		json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

		err = json_is_object(json) ? list_in(json, lease, list) : -EINVAL;
		json_decref(json);
	}
	free(text);
	return err;
}

int partners_load(struct partners *list, const struct node_lease *lease, const char *state_dir,
		  char *words, size_t words_len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/partners.json", state_dir);
	memset(list, 0, sizeof(*list));
	int err = read_list(list, lease, path);
	if (err == 0 || err == -ENOENT)
		return 0;
	memset(list, 0, sizeof(*list));
	snprintf(words, words_len, "%s: %s: no partner domains until the DC tells them again", path,
		 err == -EINVAL    ? "damaged"
		 : err == -ENOTSUP ? "written by another version"
		 : err == -EPERM   ? "others may read or write it"
				   : strerror(-err));
	return err;
}
