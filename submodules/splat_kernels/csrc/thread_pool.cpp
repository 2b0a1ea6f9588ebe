#include "thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

namespace splat {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Job {
  Task task;
  void* context;
  int64_t count;
  int threads;
};

class Pool {
 public:
  void run(const Job& job) {
    std::lock_guard<std::mutex> one_at_a_time(run_mutex_);
    while (static_cast<int>(workers_.size()) < job.threads - 1) {
      const int worker = static_cast<int>(workers_.size()) + 1;
      workers_.emplace_back([this, worker] { loop(worker); }).detach();
    }
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    const int helpers = static_cast<int>(workers_.size());
    pending_.store(helpers, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleep_mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    if (sleepers_.load(std::memory_order_acquire) > 0) wake_.notify_all();
    work(0);
    // With more threads than cores a helper may be off the processor: after a while let it run.
    for (int spin = 0; pending_.load(std::memory_order_acquire) > 0; ++spin) spin < 20000 ? relax() : std::this_thread::yield();
  }

 private:
  void work(int worker) {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.count;) job_.task(job_.context, i, worker);
  }

  void loop(int worker) {
    uint64_t seen = 0;
    for (;;) {
      // The phases of a frame follow each other within microseconds: spin a little before sleeping.
      for (int spin = 0; spin < 2000 && generation_.load(std::memory_order_acquire) == seen; ++spin) relax();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(sleep_mutex_);
        sleepers_.fetch_add(1, std::memory_order_acq_rel);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
        sleepers_.fetch_sub(1, std::memory_order_acq_rel);
      }
      // Every worker answers every job, so none can miss one: `run` waits until all have.
      seen = generation_.load(std::memory_order_acquire);
      if (worker < job_.threads) work(worker);
      pending_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  std::mutex run_mutex_, sleep_mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<int> pending_{0}, sleepers_{0};
  Job job_{};
};

// Threads do not survive fork: the child gets a pool of its own, the parent's copy is left alone.
Pool& pool() {
  static std::mutex mutex;
  static Pool* instance = nullptr;
  static pid_t owner = 0;
  std::lock_guard<std::mutex> lock(mutex);
  if (owner != getpid()) {
    instance = new Pool;
    owner = getpid();
  }
  return *instance;
}

}  // namespace

class Workspace {
 public:
  void* buffer(int slot, int64_t bytes) {
    auto& [memory, capacity] = slots_[slot];
    if (bytes > capacity) {
      std::free(memory);
      const int64_t rounded = ((bytes + bytes / 4 + 4096) + 63) & ~int64_t{63};
      memory = std::aligned_alloc(64, rounded);
      capacity = memory ? rounded : 0;
    }
    return memory;
  }

 private:
  std::array<std::pair<void*, int64_t>, 32> slots_{};
};

namespace {
std::mutex workspace_mutex;
std::vector<Workspace*> free_workspaces;
}  // namespace

Workspace* acquire_workspace() {
  std::lock_guard<std::mutex> lock(workspace_mutex);
  if (free_workspaces.empty()) return new Workspace;
  Workspace* workspace = free_workspaces.back();
  free_workspaces.pop_back();
  return workspace;
}

void release_workspace(Workspace* workspace) {
  std::lock_guard<std::mutex> lock(workspace_mutex);
  free_workspaces.push_back(workspace);
}

void* workspace_buffer(Workspace* workspace, int slot, int64_t bytes) { return workspace->buffer(slot, bytes); }

void run_tasks(int threads, int64_t count, Task task, void* context) {
  if (threads <= 1 || count <= 1) {
    for (int64_t i = 0; i < count; ++i) task(context, i, 0);
    return;
  }
  pool().run({task, context, count, static_cast<int>(std::min<int64_t>(threads, count))});
}

}  // namespace splat
