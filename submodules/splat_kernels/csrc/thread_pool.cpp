#include "thread_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <system_error>
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

constexpr int kSpins = 60000;  // about two milliseconds

struct Job {
  Task task;
  void* context;
  int64_t count;
};

// One job at a time. Its state is one word: generation, whether it is closed, how many helpers have joined. A helper
// that comes too late, because the machine is busy with something else, is not waited for: the caller takes its share.
class Pool {
 public:
  void run(const Job& job, int threads) {
    std::lock_guard<std::mutex> one_at_a_time(run_mutex_);
    try {
      for (; workers_ < threads - 1; ++workers_) std::thread([this] { loop(); }).detach();
    } catch (const std::system_error&) {
      // A limit on threads: those that exist, the caller at least, do the work.
    }
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    finished_.store(0, std::memory_order_relaxed);
    most_helpers_.store(static_cast<uint64_t>(threads) - 1, std::memory_order_relaxed);
    const uint64_t opened = (generation(state_.load(std::memory_order_relaxed)) + 1) * kGeneration;
    {
      std::lock_guard<std::mutex> lock(sleep_mutex_);
      state_.store(opened, std::memory_order_release);
    }
    if (sleepers_.load(std::memory_order_acquire) > 0) wake_.notify_all();
    work(0);
    const uint64_t joined = helpers(state_.fetch_or(kClosed, std::memory_order_acq_rel));
    // With more threads than cores a helper may be off the processor: after a while let it run.
    for (int spin = 0; finished_.load(std::memory_order_acquire) < joined; ++spin) spin < kSpins ? relax() : std::this_thread::yield();
  }

 private:
  static constexpr uint64_t kClosed = uint64_t{1} << 31, kGeneration = uint64_t{1} << 32;
  static uint64_t generation(uint64_t state) { return state / kGeneration; }
  static uint64_t helpers(uint64_t state) { return state & (kClosed - 1); }

  void work(int worker) {
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < job_.count;) job_.task(job_.context, i, worker);
  }

  // Joins the job of `state` unless it is closed or full; returns the helper's number, from 1, or 0.
  int join(uint64_t state) {
    while (!(state & kClosed) && helpers(state) < most_helpers_.load(std::memory_order_relaxed)) {
      const uint64_t seen = generation(state);
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return static_cast<int>(helpers(state)) + 1;
      if (generation(state) != seen) return 0;
    }
    return 0;
  }

  void loop() {
    uint64_t seen = 0;
    auto idle = [&] { return generation(state_.load(std::memory_order_acquire)) == seen; };
    for (;;) {
      // The kernels of a training step follow each other within a millisecond: wait that long before sleeping. A
      // sleeper may be woken on the caller's own processor and then see none of the work; a spinner is moved away.
      for (int spin = 0; spin < kSpins && idle(); ++spin) relax();
      if (idle()) {
        std::unique_lock<std::mutex> lock(sleep_mutex_);
        sleepers_.fetch_add(1, std::memory_order_acq_rel);
        wake_.wait(lock, [&] { return !idle(); });
        sleepers_.fetch_sub(1, std::memory_order_acq_rel);
      }
      const uint64_t state = state_.load(std::memory_order_acquire);
      seen = generation(state);
      if (const int worker = join(state)) {
        work(worker);
        finished_.fetch_add(1, std::memory_order_release);
      }
    }
  }

  std::mutex run_mutex_, sleep_mutex_;
  std::condition_variable wake_;
  int workers_ = 0;
  std::atomic<uint64_t> state_{kClosed}, most_helpers_{0}, finished_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<int> sleepers_{0};
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

constexpr int64_t kHugePage = int64_t{1} << 21;

class Workspace {
 public:
  void* buffer(int slot, int64_t bytes) {
    auto& [memory, capacity] = slots_[slot];
    if (!memory || bytes > capacity) {  // zero bytes get memory too: null means that there is none
      std::free(memory);
      const int64_t page = bytes < kHugePage ? 64 : kHugePage, spare = bytes < 16 * kHugePage ? bytes / 4 : bytes / 16;
      const int64_t rounded = (bytes + spare + page) & ~(page - 1);
      memory = std::aligned_alloc(page, rounded);
#if defined(MADV_HUGEPAGE)
      if (memory && page == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);  // rows are visited in no order
#endif
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
  pool().run({task, context, count}, static_cast<int>(std::min<int64_t>(threads, count)));
}

}  // namespace splat
