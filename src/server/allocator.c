// allocator.c - how jemalloc keeps the process's memory: what is free goes back to the system after
// some seconds, also where nobody asks for memory any more.
//
// It holds what flushes and merges give back, and takes it again, without the holes that grow to a
// multiple of what is used while long-lived copies are made between short-lived batches.

__attribute__((visibility("default"))) extern const char *const malloc_conf;
const char *const malloc_conf = "background_thread:true,max_background_threads:1";
