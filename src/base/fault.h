// fault.h - fail the nth fallible call from now on: once, or from then on.
//
// Every door (mem_*, file_*, sock_*, thread_start) asks fault_here() before it
// goes through, so a test can close each of them in turn:
//
//     for (long nth = 0;; nth++) {
//         fault_arm(nth);
//         Status st = thing(...);
//         if (!fault_disarm()) { assert(st == ST_OK); break; }
//         ... st is an error or OK; nothing is left over ...
//     }
//
// Threads  the countdown is atomic and shared by all threads.

#pragma once

#include <stdbool.h>

bool fault_here(void); // true: behave as if the system had refused
void fault_arm(long nth);
void fault_arm_sticky(long nth); // the nth and every later one fail
bool fault_disarm(void);         // true when the armed fault did happen
