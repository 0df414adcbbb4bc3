#pragma once

namespace gmmvae {

/// SIGINT, SIGTERM and SIGUSR1 ask for a stop that saves everything; a second SIGINT ends the process at once
/// with exit code 130. Verbs that cannot save anything do not call this: there the signals end the process as
/// usual.
void install_stop_handlers();

/// Whether one of those signals has come.
bool stop_requested();

/// Writing to a pipe that nobody reads shall be an error that is handled, not death in the middle of a
/// training.
void ignore_broken_pipes();

}  // namespace gmmvae
