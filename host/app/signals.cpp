#include "host/app/signals.hpp"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace gmmvae {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void on_stop_signal(int signal) {
  if (signal == SIGINT && stop_signal == SIGINT) _exit(130);
  stop_signal = signal;
}

}  // namespace

void install_stop_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
}

bool stop_requested() {
  return stop_signal != 0;
}

void ignore_broken_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace gmmvae
