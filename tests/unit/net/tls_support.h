// tls_support.h - certificates of a test's own, in a folder that goes with it.

#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/mobius_tls_XXXXXX";
static char cert_path[64];
static char key_path[64];
static char other_key_path[64];

// A certificate of that serial number, and its key.
static inline void
write_pair(const char *cert, const char *key_file, long serial)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
	X509_gmtime_adj(X509_getm_notBefore(x509), 0);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_set_pubkey(x509, key);
	X509_NAME *name = X509_get_subject_name(x509);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x509, name);
	X509_sign(x509, key, EVP_sha256());
	FILE *file = fopen(cert, "w");
	PEM_write_X509(file, x509);
	fclose(file);
	file = fopen(key_file, "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(x509);
	EVP_PKEY_free(key);
}

static inline int
set_up_group(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
	snprintf(other_key_path, sizeof(other_key_path), "%s/other.pem", folder);
	write_pair(cert_path, other_key_path, 1);
	write_pair(cert_path, key_path, 4711);
	return 0;
}

static inline int
tear_down_group(void **state)
{
	(void)state;
	unlink(cert_path);
	unlink(key_path);
	unlink(other_key_path);
	rmdir(folder);
	return 0;
}
