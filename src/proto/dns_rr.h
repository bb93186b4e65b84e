/* SPDX-License-Identifier: BSD-2-Clause */
/* Our records to ldns records and back; with dns_reply.c and dns_response.c all that knows ldns. */
#pragma once

#include "ntm/dnsmsg.h"

#include <ldns/ldns.h>

/* An ldns name from text ("" is the root), or NULL: not a name, or out of memory. */
ldns_rdf *dns_name_new(const char *name);
/* A question record. Takes name, also on failure (NULL); name = NULL fails. */
ldns_rr *dns_question_new(ldns_rdf *name, uint16_t type, uint16_t cls);
/* An answer record; an empty name means qname. NULL when a field is no name, or out of memory. */
ldns_rr *dns_rr_new(const struct ntm_dns_rr *rr, const ldns_rdf *qname);
/* False for types that ntm_dns_rr has no place for, and for records that lack a field. */
bool dns_rr_read(struct ntm_dns_rr *rr, const ldns_rr *from);
/* Encodes with compressed names. Returns the length, or 0: does not fit. ldns 1.8.3 does not
 * survive a failed allocation in here. */
size_t dns_pkt_write(const ldns_pkt *pkt, uint8_t *out, size_t max);
