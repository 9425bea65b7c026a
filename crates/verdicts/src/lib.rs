//! The static leg's rules: each is a pure function from the program to findings.

pub mod async_primitive_from_thread;
pub mod blocking_call_in_coroutine;
pub mod callback_under_lock;
pub mod cancellation_swallowed;
pub mod cleanup_misses_cancellation;
pub mod cleanup_not_shielded;
pub mod connection_across_threads;
pub mod coroutine_function_as_callback;
pub mod coroutine_never_awaited;
pub mod coroutine_truth_tested;
pub mod cpu_work_in_coroutine;
pub mod cpu_work_in_threads;
pub mod exception_not_rebuilt;
pub mod executor_not_shut_down;
pub mod fork_while_threaded;
pub mod future_error_never_seen;
pub mod gather_errors_ignored;
pub mod global_changed_in_process;
pub mod guarded_by_violated;
pub mod inconsistent_guard;
pub mod interrupt_never_arrives;
pub mod join_before_drain;
pub mod limiter_per_call;
pub mod lock_in_finalizer;
pub mod lock_inherited_by_fork;
pub mod lock_kept_across_fork;
pub mod lock_misuse;
pub mod lock_not_released;
pub mod lock_order_cycle;
pub mod missing_main_guard;
pub mod nested_event_loop;
pub mod pool_waits_for_itself;
pub mod repeated;
pub mod self_deadlock;
pub mod session_shared_by_tasks;
pub mod shared_data;
pub mod shared_future_not_shielded;
pub mod started_before_ready;
pub mod target_called_not_passed;
pub mod task_error_never_seen;
pub mod task_group_never_ends;
pub mod task_not_kept;
pub mod thread_error_never_seen;
pub mod thread_local_in_coroutine;
pub mod timeout_on_finished_future;
pub mod unbounded_gather;
pub mod undone;
pub mod unpicklable_argument;
pub mod unpicklable_result;
pub mod wait_while_holding_lock;
pub mod wait_without_timeout;

mod locking;
mod lost;
mod pickling;
mod plain;
mod processes;
mod story;

use raddle_program::Program;
use raddle_program::runs_on::LoopCode;
use raddle_vocabulary::Finding;

/// What every verdict looks at: the program, and what runs on its event loops.
pub struct Judged<'p> {
    /// The linked program.
    pub program: &'p Program,
    /// What runs on event loops.
    pub loop_code: LoopCode,
}

/// A rule's function.
pub type Verdict = fn(&Judged<'_>, &mut Vec<Finding>);

/// Every rule by name.
pub const VERDICTS: &[(&str, Verdict)] = &[
    (async_primitive_from_thread::ID, async_primitive_from_thread::verdict),
    (shared_data::AWAIT, shared_data::splits),
    (blocking_call_in_coroutine::ID, blocking_call_in_coroutine::verdict),
    (callback_under_lock::ID, callback_under_lock::verdict),
    (cancellation_swallowed::ID, cancellation_swallowed::verdict),
    (shared_data::CHECK, shared_data::check),
    (connection_across_threads::ID, connection_across_threads::verdict),
    (coroutine_function_as_callback::ID, coroutine_function_as_callback::verdict),
    (coroutine_never_awaited::ID, coroutine_never_awaited::verdict),
    (coroutine_truth_tested::ID, coroutine_truth_tested::verdict),
    (cpu_work_in_coroutine::ID, cpu_work_in_coroutine::verdict),
    (cpu_work_in_threads::ID, cpu_work_in_threads::verdict),
    (executor_not_shut_down::ID, executor_not_shut_down::verdict),
    (fork_while_threaded::ID, fork_while_threaded::verdict),
    (future_error_never_seen::ID, future_error_never_seen::verdict),
    (gather_errors_ignored::ID, gather_errors_ignored::verdict),
    (guarded_by_violated::ID, guarded_by_violated::verdict),
    (inconsistent_guard::ID, inconsistent_guard::verdict),
    (join_before_drain::ID, join_before_drain::verdict),
    (shared_data::LAZY, shared_data::lazy),
    (limiter_per_call::ID, limiter_per_call::verdict),
    (lock_in_finalizer::ID, lock_in_finalizer::verdict),
    (lock_kept_across_fork::ID, lock_kept_across_fork::verdict),
    (lock_misuse::IGNORED, lock_misuse::ignored),
    (lock_misuse::NO_LOOP, lock_misuse::no_loop),
    (lock_misuse::PER_CALL, lock_misuse::per_call),
    (lock_misuse::PIPE, lock_misuse::pipe),
    (lock_not_released::ID, lock_not_released::verdict),
    (lock_misuse::TWICE, lock_misuse::twice),
    (lock_order_cycle::ID, lock_order_cycle::verdict),
    (missing_main_guard::ID, missing_main_guard::verdict),
    (shared_data::ITERATE, shared_data::iterate),
    (nested_event_loop::ID, nested_event_loop::verdict),
    (pool_waits_for_itself::ID, pool_waits_for_itself::verdict),
    (shared_data::QUEUE, shared_data::queue),
    (self_deadlock::ID, self_deadlock::verdict),
    (session_shared_by_tasks::ID, session_shared_by_tasks::verdict),
    (started_before_ready::ID, started_before_ready::verdict),
    (target_called_not_passed::ID, target_called_not_passed::verdict),
    (task_error_never_seen::ID, task_error_never_seen::verdict),
    (task_group_never_ends::ID, task_group_never_ends::verdict),
    (task_not_kept::ID, task_not_kept::verdict),
    (thread_error_never_seen::ID, thread_error_never_seen::verdict),
    (thread_local_in_coroutine::ID, thread_local_in_coroutine::verdict),
    (timeout_on_finished_future::ID, timeout_on_finished_future::verdict),
    (unbounded_gather::ID, unbounded_gather::verdict),
    (shared_data::UPDATE, shared_data::update),
    (unpicklable_argument::ID, unpicklable_argument::verdict),
    (unpicklable_result::ID, unpicklable_result::verdict),
    (wait_while_holding_lock::ID, wait_while_holding_lock::verdict),
    (wait_without_timeout::ID, wait_without_timeout::verdict),
    (cleanup_misses_cancellation::ID, cleanup_misses_cancellation::verdict),
    (interrupt_never_arrives::ID, interrupt_never_arrives::verdict),
    (undone::RESOURCE, undone::resource),
    (undone::STATE, undone::state),
    (undone::TASK, undone::task),
    (exception_not_rebuilt::ID, exception_not_rebuilt::verdict),
    (lock_inherited_by_fork::ID, lock_inherited_by_fork::verdict),
    (cleanup_not_shielded::ID, cleanup_not_shielded::verdict),
    (global_changed_in_process::ID, global_changed_in_process::verdict),
    (repeated::POOL, repeated::pools),
    (repeated::THREADS, repeated::threads),
    (shared_future_not_shielded::ID, shared_future_not_shielded::verdict),
];

/// A lock as a person of the project would say it.
#[must_use]
pub fn lock_name(program: &Program, lock: &raddle_program::locks::LockKey) -> String {
    locking::key_name(program, lock)
}

/// Judges a program by one rule.
#[must_use]
pub fn judge(judged: &Judged<'_>, verdict: Verdict) -> Vec<Finding> {
    let mut acc = Vec::new();
    verdict(judged, &mut acc);
    acc.sort_by(|a, b| (&a.site, &a.rule, &a.message).cmp(&(&b.site, &b.rule, &b.message)));
    acc.dedup();
    acc
}
