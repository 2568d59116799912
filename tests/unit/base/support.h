// support.h - what the tests of this room share.

#pragma once

#include "../check.h"

#define FAULT_LOOP(st, ...) FAULTS_IN_TURN(mem_live(), st == ST_NO_MEMORY, st, __VA_ARGS__)
