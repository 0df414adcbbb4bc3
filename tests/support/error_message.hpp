#pragma once

#include <gtest/gtest.h>

#include <string>

namespace gmmvae::test {

/// The message of the error of type E that `action` throws; a failure and "" where it throws nothing.
/// Errors of other types pass through and fail the test.
template <class E, class Action>
std::string error_message(Action&& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

}  // namespace gmmvae::test
