"""The models behind the app: loading, measuring, patching, generating and inspecting."""
