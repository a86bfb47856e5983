//! YAML files that people write (configuration, policies), read so that every mistake is reported at once with its place.
