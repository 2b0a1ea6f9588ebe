// A small persistent pool: no OpenMP, because torch and pycolmap each bring an OpenMP runtime of their own.
#pragma once
#include <cstdint>

namespace splat {

using Task = void (*)(void* context, int64_t task, int worker);

// Runs tasks 0..count-1 on up to `threads` threads, the caller among them; returns when all are done.
void run_tasks(int threads, int64_t count, Task task, void* context);

// Memory that is kept from call to call, so that a training step pays for no page faults.
class Workspace;
Workspace* acquire_workspace();
void release_workspace(Workspace*);
// At least `bytes` bytes, 64-byte aligned, contents undefined; null when memory is out.
void* workspace_buffer(Workspace*, int slot, int64_t bytes);

}  // namespace splat
