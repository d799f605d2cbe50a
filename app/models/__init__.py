"""The models behind the page: measuring, cutting, generating and inspecting for clients."""
