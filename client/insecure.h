/* SPDX-License-Identifier: MIT */
/*
 * Registries that docker on this machine takes without a certificate that can be verified, and without TLS at
 * all: "insecure-registries" in its daemon.json, and this machine's own.
 */
#ifndef REG_INSECURE_H
#define REG_INSECURE_H

#include "log.h"
#include "source.h"

/*
 * Is it one of those, and was no scheme given, which would say how it is to be asked? Looks in
 * /etc/docker/daemon.json and, for docker without root, in ~/.config/docker ($XDG_CONFIG_HOME). What cannot
 * be read there names nobody. Where a network is named (10.0.0.0/8) a host's name is looked up, as docker
 * does.
 */
bool insecure_to_docker(const struct reg_source *source, const struct reg_log *log);

#endif
