//! The cases of OTP's `supervisor_SUITE`, under their own names. Each is written
//! once, for any [`Stage`](super::stage::Stage).
//!
//! Three differences run through all of them, and are meant:
//! - A child that is restarted keeps its address. What OTP shows as a new pid is a
//!   new incarnation here ([`Pid`](super::stage::Pid)).
//! - `which_children` goes in the order of start, not in the reverse one.
//! - Reasons are Raddle's: `{shutdown, Term}` is `shutdown`; what OTP calls
//!   `abnormal` is an error.
//!
//! Left out are the cases about log formats, code loading and process memory.

mod admin;
mod misc;
mod restart_loops;
mod significant;
mod strategies;
mod sup_start;
mod sup_stop;
mod termination;

pub(crate) use admin::*;
pub(crate) use misc::*;
pub(crate) use restart_loops::*;
pub(crate) use significant::*;
pub(crate) use strategies::*;
pub(crate) use sup_start::*;
pub(crate) use sup_stop::*;
pub(crate) use termination::*;

use super::super::{Strategy, SupervisorSpec};

/// `{Strategy, 2, 3600}`, which most cases use.
fn flags(strategy: Strategy, restarts_max: u32) -> SupervisorSpec {
    SupervisorSpec::new(strategy).intensity(restarts_max, 3_600_000_000_000)
}

/// One test for each case, on a stage of its own.
macro_rules! otp_cases {
    ($stage:expr) => {
        $crate::control::supervisor::tests::cases::otp_cases! { @ $stage;
            sup_start_normal sup_start_ignore_child sup_start_ignore_temporary_child
            sup_start_ignore_temporary_child_start_child
            sup_start_ignore_temporary_child_start_child_simple
            sup_start_ignore_permanent_child_start_child_simple
            sup_start_error_return sup_start_fail sup_start_child_returns_error
            sup_start_restart_child_returns_error sup_start_child_returns_error_simple
            sup_start_map sup_start_map_simple sup_start_map_faulty_specs
            sup_stop_infinity sup_stop_timeout sup_stop_timeout_dynamic sup_stop_brutal_kill
            sup_stop_brutal_kill_dynamic sup_stop_race sup_stop_non_shutdown_exit_dynamic
            child_adm child_adm_simple extra_return child_specs child_specs_map sup_flags
            multiple_restarts
            one_for_one one_for_one_escalation one_for_all one_for_all_escalation
            one_for_all_other_child_fails_restart
            simple_one_for_one simple_one_for_one_shutdown simple_one_for_one_extra
            simple_one_for_one_escalation simple_one_for_one_corruption
            simple_one_for_one_restart_ignore
            rest_for_one rest_for_one_escalation rest_for_one_other_child_fails_restart
            permanent_normal transient_normal temporary_normal
            permanent_shutdown transient_shutdown temporary_shutdown faulty_application_shutdown
            permanent_abnormal transient_abnormal temporary_abnormal
            nonsignificant_temporary nonsignificant_transient significant_temporary
            significant_transient significant_simple significant_bystander significant_escalation
            significant_upgrade_never_any significant_upgrade_any_never
            significant_upgrade_never_all significant_upgrade_all_never
            significant_upgrade_any_all significant_upgrade_all_any significant_upgrade_child
            child_unlink tree count_children count_children_supervisor count_restarting_children
            do_not_save_start_parameters_for_temporary_children
            do_not_save_child_specs_for_temporary_children
            simple_one_for_one_scale_many_temporary_children temporary_bystander
            simple_global_supervisor hanging_restart_loop hanging_restart_loop_rest_for_one
            hanging_restart_loop_simple order_of_children scale_start_stop_many_children
            already_started_outside_supervisor which_children which_children_simple_one_for_one
        }
    };
    (@ $stage:expr; $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::control::supervisor::tests::cases::$case(&mut $stage);
        }
    )*};
}
pub(crate) use otp_cases;
